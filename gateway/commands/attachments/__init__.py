"""What is done about files of notices: they are sent by back offices, fetched from peers, kept, removed."""
