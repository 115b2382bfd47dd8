"""Handlers of the audit and of what is built on it."""
