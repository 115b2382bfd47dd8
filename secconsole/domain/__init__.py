"""Pure rules without I/O, clock or database.

Time and randomness are arguments.
"""
