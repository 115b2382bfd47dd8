"""Limits on how often something is tried, counted by origin."""
