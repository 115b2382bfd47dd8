"""The console: a Textual app over a backend."""
