"""How what the node holds is told: a row of a listing, all of it for people, all of it for programs."""
