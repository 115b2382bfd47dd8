"""Sockets, TLS, connections and their limits, below the level of HTTP requests."""
