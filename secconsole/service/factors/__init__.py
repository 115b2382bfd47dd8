"""Stateful rules: passwords, codes, challenges, enrollment, throttling."""
