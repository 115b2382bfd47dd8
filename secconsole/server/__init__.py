"""The HTTP face: every operation as a route, made from its declaration."""
