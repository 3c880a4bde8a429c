"""What a notice, a request for assistance and an answer may say, what a node knows of them, and their states."""
