"""The whitelist."""
