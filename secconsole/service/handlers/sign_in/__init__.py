"""Handlers of sign-ins, sessions and tokens."""
