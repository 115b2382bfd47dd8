"""Locations on this machine, and the files that people may edit."""
