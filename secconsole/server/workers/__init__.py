"""Several worker processes of one server, and what they share."""
