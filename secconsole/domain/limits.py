"""Limits on lengths and counts, enforced by the rules and published in the API's description."""

from __future__ import annotations

LONGEST_NAME = 200  # of a person
LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, less its angle brackets
LONGEST_PHONE = 40  # as typed; the stored form is shorter
LONGEST_REASON = 500
LONGEST_TICKET = 100
LONGEST_LABEL = 100
LONGEST_TENANT = 63
LONGEST_TOKEN = 365  # days that a token is valid
LONGEST_OVERLAP = 72  # hours that an old secret key stays valid beside the new one
LONGEST_GRACE = 365  # days
LONGEST_INVITATION = 30  # days that a first-time password is valid

LONGEST_USER = 256  # a login as typed: another normal form can be longer than the stored one
LONGEST_ID = 64
LONGEST_WORD = 64  # a value from a fixed list
LONGEST_CODE = 128  # including spaces and dashes between the digits
LONGEST_BEARER = 512  # a session's token, a personal access token or a secret key
LONGEST_PASSWORD_GIVEN = 2_048  # an existing password; longer for the same reason as logins
LONGEST_ADDRESS = 45  # an IP address
LONGEST_NETWORK = 49  # an IP address, a slash and the length of a prefix
LONGEST_HELPDESK_TEXT = 200
LONGEST_NOTE = 200
LONGEST_HOURS = 40  # working hours such as mon-fri 08:00-18:00
LONGEST_ZONE = 64  # the name of a time zone
LONGEST_TERM = 254  # one word of a search
LONGEST_SEARCH = 1_000
LONGEST_CURSOR = 16_384
LONGEST_CELL = 1_024  # of an import line: a longer one is not read at all, one over its field's limit is rejected
LONGEST_TEXT = LONGEST_CURSOR  # no field of any operation may be longer

USUAL_BODY = 64 * 1024  # bytes of a request, unless its operation declares more
MANY_NAMES_BODY = 1024 * 1024
IMPORT_BODY = 4 * 1024 * 1024

MOST_PER_PAGE = 500
MOST_WORDS = 32  # in one search
MOST_ACTIONS = 128  # in the filter of an audit list
MOST_TRIED = 50_000  # audit entries that a trial of a rule reads
MOST_HEADS = 500  # of the audit, compared in one request
MOST_VERIFIED = 50_000  # audit entries in one part of a verification
MOST_LINES = 5_000  # in one import
MOST_FACTOR_LINES = 500  # in one import of factors
MOST_AT_ONCE = 1_000  # users in one unbinding
MOST_INVITED = 25  # users in one invitation: each takes a hash and some milliseconds of the transaction
MOST_ENDED_AT_ONCE = 5_000  # sessions in one request of an incident, so that other writes wait only a moment
MOST_COUNTED = 10_000  # audit entries of one action: more are reported as more
PORTION = 500  # users that one request names, where a longer list goes in several
MOST_LISTED = 5_000  # users in one whitelist change or preview
MOST_JOB_NAMES = 20_000  # users that the request for a job names
MOST_JOB_USERS = 50_000  # users of one job that a filter chooses
MOST_ADVANCED = 50  # users of a job in one request
MOST_TOKENS = 50  # of one owner at the same time
MOST_KEYS = 20  # secret keys of one tenant, with different names
MOST_NETWORKS = 500  # that one tenant allows
MOST_DIGITS = 18  # of a number that the store can hold
MOST_EXACT = 2**53 - 1  # largest integer that every JSON parser reads exactly (RFC 8259 section 6)

CODE_DIGITS = (6, 8)  # of a new factor
READ_DIGITS = (6, 7, 8)  # of any, as imported ones may have seven
