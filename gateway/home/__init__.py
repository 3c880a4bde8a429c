"""A node's home, the folder with all that it is made of: what is in it, and what operators make and change there."""
