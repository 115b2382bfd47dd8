"""Binding factors, and recovery codes: at sign-in, in My account, and for other users."""
