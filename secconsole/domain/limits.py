"""How long and how many: the limits that rules keep and that the API's description names."""

from __future__ import annotations

LONGEST_NAME = 200  # of a person
LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, less its angle brackets
LONGEST_PHONE = 40  # as written; the form that is kept is shorter
LONGEST_REASON = 500
LONGEST_TICKET = 100
LONGEST_LABEL = 100
LONGEST_TENANT = 63
LONGEST_TOKEN = 365  # days that a token works
LONGEST_OVERLAP = 72  # hours that an old secret key works beside the new one
LONGEST_GRACE = 365  # days

MOST_PER_PAGE = 500
MOST_WORDS = 32  # in one search
MOST_ACTIONS = 64  # that a list of the audit is narrowed to
MOST_LINES = 5_000  # of one import
MOST_AT_ONCE = 1_000  # users of one unbinding
MOST_TOKENS = 50  # of one owner at a time
MOST_DIGITS = 18  # of a number that the store can hold
MOST_EXACT = 2**53 - 1  # the largest whole number that every JSON reader takes exactly (RFC 8259 section 6)

CODE_DIGITS = (6, 8)
