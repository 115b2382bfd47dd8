"""Signing in, from opening the store to what is due right after it. The screen it goes on in: `screens/sign_in.py`."""
