"""Alerts of suspicious activity: the list, one alert with its events, and the rules."""
