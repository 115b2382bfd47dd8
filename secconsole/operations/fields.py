"""What the fields of operations may hold, for the API's description.

Nothing is refused by these types: the rules in `service` are, in their own words and on every backend alike. The limits
named here are the constants that those rules keep, and a schema-driven test of the API holds both together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from secconsole.domain import login, password
from secconsole.domain.limits import (
    CODE_DIGITS,
    LONGEST_EMAIL,
    LONGEST_GRACE,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_OVERLAP,
    LONGEST_PHONE,
    LONGEST_REASON,
    LONGEST_TENANT,
    LONGEST_TICKET,
    LONGEST_TOKEN,
    MOST_ACTIONS,
    MOST_DIGITS,
    MOST_EXACT,
    MOST_PER_PAGE,
    MOST_WORDS,
)
from secconsole.domain.model import FactorKind
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.domain.text import BLANKS

_SIGN = rf"[^{BLANKS}\x00]"
_WORDS = rf"^[{BLANKS}]*({_SIGN}+([{BLANKS}]+{_SIGN}+){{0,{MOST_WORDS - 1}}}[{BLANKS}]*)?$"
_ADDRESS = rf"^[{BLANKS}]*([^@{BLANKS}\x00]+@[^@{BLANKS}\x00]+[{BLANKS}]*)?$"
# \p is none of Python's: this one only describes.
_TENANT = rf"^[{BLANKS}]*[\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}_.\- ]*[{BLANKS}]*$"

Moment = Annotated[datetime, Meta(tz=True, description="A moment, RFC 3339 with its offset.")]

TenantName = Annotated[str, Meta(description="A tenant's name, in any case, or its id.")]
UserName = Annotated[str, Meta(description="A user's login, in any case, or id.")]
Challenge = Annotated[Secret[str], Meta(description="The `challenge` that the step before answered with.")]
Code = Annotated[
    Secret[str],
    Meta(description="The code that the authenticator app shows now; a recovery code, too, except to confirm."),
]
FactorChoice = Annotated[str, Meta(description="The id of one of the `factors` offered; empty: any of them.")]
Id = Annotated[str, Meta(description="An id, as replies give it.")]

IpAddress = Annotated[
    str,
    Meta(
        extra_json_schema={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"maxLength": 0}]},
        description="An IP address, or empty.",
    ),
]
Login = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=login.LONGEST,
        pattern=login.PATTERN,
        description="A login: no blanks, no `/`, no dash in front; blanks around it are dropped.",
    ),
]
AdminLogin = Annotated[
    str, Meta(max_length=login.LONGEST, pattern=f"^$|{login.PATTERN}", description="A login, or empty for none.")
]
NewTenantName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_TENANT,
        extra_json_schema={"pattern": _TENANT},
        description="Letters, digits, dots, dashes and blanks; begins with a letter or digit.",
    ),
]
PersonName = Annotated[str, Meta(max_length=LONGEST_NAME, description="A person's name, in any script.")]
Email = Annotated[str, Meta(max_length=LONGEST_EMAIL, pattern=_ADDRESS, description="An e-mail address, or empty.")]
Phone = Annotated[
    str, Meta(max_length=LONGEST_PHONE, description="A phone number with its country code, or empty: +420 601 123 456.")
]
NewPassword = Annotated[
    Secret[str],
    Meta(
        min_length=password.SHORTEST,
        max_length=password.LONGEST,
        description=f"At least {password.SHORTEST} characters where a second factor is required of everybody, else "
        f"{password.SHORTEST_ALONE}; no composition rules, but nothing easy to guess.",
    ),
]
AdminPassword = Annotated[Secret[str], Meta(min_length=password.SHORTEST_ALONE, max_length=password.LONGEST)]

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_REASON,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="Why, for whoever reads the audit later; not blank.",
    ),
]
OptionalReason = Annotated[str, Meta(max_length=LONGEST_REASON, description="Why, for whoever reads the audit later.")]
Ticket = Annotated[str, Meta(max_length=LONGEST_TICKET, description="A ticket's number, or empty.")]
Label = Annotated[str, Meta(max_length=LONGEST_LABEL, description="What the user calls it: old phone.")]
Digits = Annotated[int, Meta(extra_json_schema={"enum": list(CODE_DIGITS)}, description="How long its codes are.")]

TokenName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_LABEL,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="What it is for, for whoever finds it in a list; not blank.",
    ),
]
Scopes = Annotated[
    tuple[Scope, ...],
    Meta(min_length=1, description="What it may do: `read` what its owner may see, `verify` users' codes."),
]
TokenDays = Annotated[int, Meta(ge=1, le=LONGEST_TOKEN, description="After how many days it expires.")]
OverlapHours = Annotated[
    int, Meta(ge=0, le=LONGEST_OVERLAP, description="How long the old key works on beside the new one; 0: not at all.")
]

GraceDays = Annotated[
    int, Meta(ge=0, le=LONGEST_GRACE, description="How long somebody without a factor still signs in, with a reminder.")
]
FactorKinds = Annotated[
    tuple[FactorKind, ...],
    Meta(
        min_length=1,
        extra_json_schema={"contains": {"const": FactorKind.TOTP.value}},
        description="The kinds that may be bound; `totp` is always one of them.",
    ),
]
Version = Annotated[int, Meta(description="The `version` that was looked at; another one is answered with `stale`.")]

Limit = Annotated[int, Meta(ge=1, le=MOST_PER_PAGE, description="How many items a page has at most.")]
Cursor = Annotated[str, Meta(description="Where a page begins: the `next` of the page before it.")]
NumberCursor = Annotated[
    str, Meta(pattern=rf"^[0-9]{{1,{MOST_DIGITS}}}$", description="Where a page begins: the `next` of the page before.")
]
Position = Annotated[int, Meta(ge=0, le=MOST_EXACT, description="The position at which the page begins, from 0.")]
Words = Annotated[
    tuple[str, ...],
    Meta(max_length=MOST_WORDS, description="Each is part of login, name or address; several: all of them."),
]
Search = Annotated[str, Meta(pattern=_WORDS, description=f"Up to {MOST_WORDS} words; all of them must be found.")]
Actions = Annotated[tuple[str, ...], Meta(max_length=MOST_ACTIONS, description="One of these actions.")]
LineNumber = Annotated[int, Meta(description="Comes back with a rejection.")]
