"""The HTTP API: a route for every operation, made from its declaration."""
