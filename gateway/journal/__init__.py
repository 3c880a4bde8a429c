"""What goes into the access journal; pure. How it is stored and verified is ``store``'s and ``identity``'s matter."""
