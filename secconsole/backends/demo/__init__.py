"""The demo organisation: its people, factors, accounts and inbox."""
