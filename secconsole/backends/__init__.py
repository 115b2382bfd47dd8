"""Where operations are performed: in this process on the embedded store, or on a server."""
