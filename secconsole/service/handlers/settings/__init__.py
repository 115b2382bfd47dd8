"""Handlers of a tenant's settings."""
