"""Screens of the console: places, dialogs, and what they show."""
