"""Users: the list, and what is done to those in it."""
