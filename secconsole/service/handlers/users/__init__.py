"""Handlers of operations on users: changes, imports, invitations, whitelist."""
