"""The place for handling a breach."""
