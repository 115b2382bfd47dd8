"""Execution of statements: writers, readers, locks, triggers and migrations."""
