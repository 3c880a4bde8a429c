"""Officers: persons for whom a back-office system acts, named by a token that their sign-in signed."""
