"""What frameworks of rules say, how they change and how those of two jurisdictions compare."""
