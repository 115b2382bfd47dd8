"""Backends that perform operations: the embedded store in this process, or a server."""
