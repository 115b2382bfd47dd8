"""Sign-ins, sessions, tokens and codes, and the failures that count against them."""
