"""The master key, secrets sealed with it, and its rotation."""
