"""Pure rules: no I/O, no clock, no database. Time and randomness come in as arguments."""
