"""Sending of the audit to receivers."""
