"""Alembic's entry: runs the migrations on the connection that ``Database.migrate`` passes in."""

from alembic import context

from gateway.store.tables import metadata

connection = context.config.attributes["connection"]
if connection.dialect.name == "sqlite":  # it changes a table by making it anew, and other rows may refer to it
    connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
