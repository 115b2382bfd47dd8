"""Copies of a store: backups, restores, and moves to another database."""
