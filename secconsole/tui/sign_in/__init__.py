"""Signing in, from opening the store to what is due right after it."""
