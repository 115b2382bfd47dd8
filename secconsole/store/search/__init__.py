"""Search for users: conditions, queries and derived columns."""
