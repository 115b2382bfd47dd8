"""Types of the fields of operations.

Limits on length and number that are declared here are enforced before anything else is done with an operation
(`operations/bounds.py`). The rest describes the API: the rules in `service` enforce it with their own messages on every
backend, and a schema-driven test of the API compares the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from secconsole.domain.audit.alert_rules import LONGEST_WINDOW, AlertRule
from secconsole.domain.helpdesk import MOST_RESETS, MOST_STEP_UP
from secconsole.domain.limits import (
    CODE_DIGITS,
    LONGEST_ADDRESS,
    LONGEST_BEARER,
    LONGEST_CELL,
    LONGEST_CODE,
    LONGEST_CURSOR,
    LONGEST_EMAIL,
    LONGEST_GRACE,
    LONGEST_HELPDESK_TEXT,
    LONGEST_HOURS,
    LONGEST_ID,
    LONGEST_INVITATION,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_NETWORK,
    LONGEST_NOTE,
    LONGEST_OVERLAP,
    LONGEST_PASSWORD_GIVEN,
    LONGEST_PHONE,
    LONGEST_REASON,
    LONGEST_SEARCH,
    LONGEST_TENANT,
    LONGEST_TERM,
    LONGEST_TICKET,
    LONGEST_TOKEN,
    LONGEST_USER,
    LONGEST_WORD,
    LONGEST_ZONE,
    MOST_ACTIONS,
    MOST_DIGITS,
    MOST_EXACT,
    MOST_LISTED,
    MOST_PER_PAGE,
    MOST_VERIFIED,
    MOST_WORDS,
)
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.domain.text import BLANKS
from secconsole.domain.users import login, password
from secconsole.domain.users.search import MOST_DAYS, UserFilter

_SIGN = rf"[^{BLANKS}\x00]"
_WORDS = rf"^[{BLANKS}]*({_SIGN}+([{BLANKS}]+{_SIGN}+){{0,{MOST_WORDS - 1}}}[{BLANKS}]*)?$"
_ADDRESS = rf"^[{BLANKS}]*([^@{BLANKS}\x00]+@[^@{BLANKS}\x00]+[{BLANKS}]*)?$"
# Python does not support \p, so this pattern only documents.
_TENANT = rf"^[{BLANKS}]*[\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}_.\- ]*[{BLANKS}]*$"

Moment = Annotated[datetime, Meta(tz=True, description="A time as RFC 3339 with its offset.")]

TenantName = Annotated[str, Meta(max_length=LONGEST_USER, description="A tenant's name, in any case, or its id.")]
UserName = Annotated[str, Meta(max_length=LONGEST_USER, description="A user's login, in any case, or id.")]
UserNames = Annotated[tuple[UserName, ...], Meta(max_length=MOST_LISTED)]
Password = Annotated[Secret[str], Meta(max_length=LONGEST_PASSWORD_GIVEN, description="The current password.")]
Challenge = Annotated[
    Secret[str], Meta(max_length=LONGEST_BEARER, description="The `challenge` in the answer to the previous step.")
]
Code = Annotated[
    Secret[str],
    Meta(
        max_length=LONGEST_CODE,
        description="The code that the authenticator app shows now, or, except to confirm, a recovery code. "
        "At sign-in also a bypass code.",
    ),
]
FactorChoice = Annotated[
    str, Meta(max_length=LONGEST_ID, description="The id of one of the `factors` offered; empty: any of them.")
]
Id = Annotated[str, Meta(max_length=LONGEST_ID, description="An id as returned in replies.")]
OptionalId = Annotated[str, Meta(max_length=LONGEST_ID, description="An id as returned in replies, or empty.")]
OneWord = Annotated[str, Meta(max_length=LONGEST_WORD)]
Cell = Annotated[str, Meta(max_length=LONGEST_CELL)]
GivenPassword = Annotated[Secret[str], Meta(max_length=LONGEST_PASSWORD_GIVEN)]
SecretCell = Annotated[Secret[str], Meta(max_length=LONGEST_CELL)]

IpAddress = Annotated[
    str,
    Meta(
        max_length=LONGEST_ADDRESS,
        extra_json_schema={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"maxLength": 0}]},
        description="An IP address, or empty.",
    ),
]
ClientAddress = Annotated[
    str, Meta(max_length=LONGEST_ADDRESS, description="The IP address of the user's device, or empty if it is unknown.")
]
Network = Annotated[
    str, Meta(max_length=LONGEST_NETWORK, description="A network such as 10.0.0.0/8, an address, or `local`.")
]
NetworkChoice = Annotated[
    str, Meta(max_length=LONGEST_ID, description="The id of an allowed network, or the network itself.")
]
NetworkNote = Annotated[str, Meta(max_length=LONGEST_NOTE, description="Its name or purpose, for people.")]
OriginAddress = Annotated[str, Meta(max_length=LONGEST_ADDRESS, description="An IP address, or `local`.")]
AuditAddress = Annotated[
    str, Meta(max_length=LONGEST_LABEL, description="The address that a request came from, as entries show it.")
]
Roles = Annotated[tuple[Role, ...], Meta(max_length=len(Role), description="Only users with these roles.")]
TypedTenant = Annotated[
    str, Meta(max_length=LONGEST_USER, description="The tenant's name, typed to confirm; or empty.")
]
Login = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=login.LONGEST,
        pattern=login.PATTERN,
        description="A login without spaces, `/` or a leading dash. Surrounding spaces are removed.",
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
        description="Letters, digits, dots, dashes and spaces, beginning with a letter or digit.",
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
        description=f"At least {password.SHORTEST} characters if a second factor is required of everyone, otherwise "
        f"{password.SHORTEST_ALONE}. No composition rules, but not easy to guess.",
    ),
]
AdminPassword = Annotated[Secret[str], Meta(min_length=password.SHORTEST_ALONE, max_length=password.LONGEST)]

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_REASON,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="The reason, for readers of the audit. Not blank.",
    ),
]
OptionalReason = Annotated[str, Meta(max_length=LONGEST_REASON, description="The reason, for readers of the audit.")]
Ticket = Annotated[str, Meta(max_length=LONGEST_TICKET, description="A ticket's number, or empty.")]
Label = Annotated[str, Meta(max_length=LONGEST_LABEL, description="The user's name for it, such as old phone.")]
Digits = Annotated[
    int, Meta(extra_json_schema={"enum": list(CODE_DIGITS)}, description="The number of digits of its codes.")
]

TokenName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_LABEL,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="Its purpose, for people who find it in a list. Not blank.",
    ),
]
KeyName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_LABEL,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="The name of a secret key: the program that uses it.",
    ),
]
KeyChoice = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_LABEL, description="The name or the id of a secret key.")
]
Scopes = Annotated[
    tuple[Scope, ...],
    Meta(
        min_length=1,
        max_length=len(Scope),
        description="What it may do: `read` what its owner may see, `verify` users' codes, and for secret keys only "
        "`challenge` users of an application.",
    ),
]
TokenDays = Annotated[int, Meta(ge=1, le=LONGEST_TOKEN, description="The number of days until it expires.")]
InvitationDays = Annotated[
    int, Meta(ge=1, le=LONGEST_INVITATION, description="The number of days that the first-time password is valid.")
]
OverlapHours = Annotated[
    int,
    Meta(ge=0, le=LONGEST_OVERLAP, description="The number of hours that the old key stays valid. 0: it ends at once."),
]

GraceDays = Annotated[
    int,
    Meta(
        ge=0,
        le=LONGEST_GRACE,
        description="The number of days that a user without a factor can still sign in, with a reminder.",
    ),
]
ResetCount = Annotated[int, Meta(ge=1, le=MOST_RESETS, description="A number of users within an hour.")]
StepUpMinutes = Annotated[int, Meta(ge=1, le=MOST_STEP_UP, description="Minutes that a step-up counts.")]
HelpdeskText = Annotated[
    str, Meta(max_length=LONGEST_HELPDESK_TEXT, description="How users reach the helpdesk, as their sign-in shows it.")
]
FactorKinds = Annotated[
    tuple[FactorKind, ...],
    Meta(
        min_length=1,
        max_length=len(FactorKind),
        extra_json_schema={"contains": {"const": FactorKind.TOTP.value}},
        description="The kinds that may be bound, always including `totp`.",
    ),
]
Version = Annotated[
    int, Meta(description="The `version` that the change is based on. Another current one is answered with `stale`.")
]

AlertNote = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_NOTE,
        pattern=rf"^[^\x00]*{_SIGN}[^\x00]*$",
        description="What the cause was, for those who read the alert later. Not blank.",
    ),
]
AlertRuleName = Annotated[AlertRule, Meta(description="The name of a rule.")]
RuleThreshold = Annotated[
    int,
    Meta(ge=1, le=3650, description="The number from which the rule raises an alert. Its limits depend on the rule."),
]
RuleMinutes = Annotated[int, Meta(ge=0, le=LONGEST_WINDOW, description="The window in which it is counted.")]
WorkingHoursText = Annotated[
    str,
    Meta(max_length=LONGEST_HOURS, description="Days and times at which changes are expected: mon-fri 08:00-18:00."),
]
ZoneName = Annotated[str, Meta(max_length=LONGEST_ZONE, description="Their time zone, such as Europe/Prague.")]

Limit = Annotated[int, Meta(ge=1, le=MOST_PER_PAGE, description="The maximum number of items on a page.")]
Cursor = Annotated[
    str, Meta(max_length=LONGEST_CURSOR, description="The start of a page: the `next` of the previous page.")
]
NumberCursor = Annotated[
    str,
    Meta(
        max_length=MOST_DIGITS,
        pattern=rf"^[0-9]{{1,{MOST_DIGITS}}}$",
        description="The start of a page: the `next` of the previous page.",
    ),
]
EntryNumber = Annotated[int, Meta(ge=1, le=MOST_EXACT, description="The number of an entry in its chain, from 1.")]
Mac = Annotated[str, Meta(max_length=64, pattern="^[0-9a-f]{64}$", description="A MAC (HMAC-SHA-256) as hexadecimal.")]
ChainCursor = Annotated[
    str,
    Meta(
        max_length=MOST_DIGITS + 65,
        pattern=rf"^[0-9]{{1,{MOST_DIGITS}}}\.[0-9a-f]{{64}}$",
        description="The position to continue from: the `next` of the previous part.",
    ),
]
VerifyLimit = Annotated[
    int, Meta(ge=1, le=MOST_VERIFIED, description="The maximum number of entries to verify in one request.")
]
Position = Annotated[int, Meta(ge=0, le=MOST_EXACT, description="The position of the first item, from 0.")]
Words = Annotated[
    tuple[Annotated[str, Meta(max_length=LONGEST_TERM)], ...],
    Meta(
        max_length=MOST_WORDS,
        description="Parts of login, name, address or phone, or beginnings of words if they have one or two letters. "
        "All of them must match.",
    ),
]
Search = Annotated[
    str,
    Meta(
        max_length=LONGEST_SEARCH,
        pattern=_WORDS,
        description=f"Up to {MOST_WORDS} words, all of which must match.",
    ),
]
Actions = Annotated[tuple[OneWord, ...], Meta(max_length=MOST_ACTIONS, description="Any of these actions.")]
LineNumber = Annotated[int, Meta(description="Returned with a rejection.")]


def _days(description: str) -> object:
    return Annotated[Annotated[int, Meta(ge=0, le=MOST_DAYS)] | None, Meta(description=description)]


# In a query their fields are separate parameters, described here.
FLATTENED: dict[object, dict[str, object]] = {
    UserFilter: {
        "words": Words,
        "status": Annotated[BindingStatus | None, Meta(description="Only users with this binding status.")],
        "role": Annotated[Role | None, Meta(description="Only users with this role.")],
        "flag": Annotated[Flag | None, Meta(description="Only users with this flag.")],
        "factor": Annotated[FactorKind | None, Meta(description="Only users with a factor of this kind.")],
        "only": Annotated[FactorKind | None, Meta(description="Only users with this kind of factor and no other.")],
        "not_status": Annotated[BindingStatus | None, Meta(description="No users with this binding status.")],
        "not_role": Annotated[Role | None, Meta(description="No users with this role.")],
        "not_flag": Annotated[
            tuple[Flag, ...], Meta(max_length=len(Flag), description="No users with one of these flags.")
        ],
        "not_factor": Annotated[FactorKind | None, Meta(description="No users with a factor of this kind.")],
        "created_over": _days("Only users created more than so many days ago."),
        "created_under": _days("Only users created less than so many days ago."),
        "last_over": _days("Only users whose last sign-in is more than so many days ago."),
        "last_under": _days("Only users whose last sign-in is less than so many days ago."),
        "signed_in": Annotated[bool | None, Meta(description="Only users who ever signed in, or who never did.")],
        "phone": Annotated[
            str,
            Meta(
                max_length=LONGEST_PHONE,
                pattern="^([0-9]*|none)$",
                description="Consecutive digits of the phone number, or `none` for users without one.",
            ),
        ],
    }
}
