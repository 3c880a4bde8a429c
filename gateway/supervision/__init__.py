"""The rules of supervision, pure: what a notice may say, how it is handled, what an envelope changes."""
