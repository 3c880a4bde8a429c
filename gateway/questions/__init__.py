"""What can be asked of a node; nothing here changes anything. A file a subject, and the tokens of its pages."""
