"""Handlers of what a helpdesk does for a caller."""
