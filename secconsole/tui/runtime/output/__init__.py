"""Bytes for the terminal: the cells that changed, in as few bytes as possible.

`cells` knows what is on the screen and what should be, `changes` compares two rows, `pen` writes, and `frame` puts the
writing into the order that takes the fewest bytes. `styles` turns one style into another.
"""
