"""What a user's fields may hold, checked the same way for one user and for an import."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PHONE, MOST_WORDS
from secconsole.domain.login import check_login
from secconsole.domain.password import SHORTEST, check_password
from secconsole.domain.phone import e164
from secconsole.domain.roles import Role
from secconsole.operations.users import NewUser
from secconsole.service.context import Context

_LONGEST = {"name": LONGEST_NAME, "email": LONGEST_EMAIL, "phone": LONGEST_PHONE}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")


def check_fields(line: NewUser, tenant: str) -> dict[str, object]:
    """The columns that a line sets, empty fields left out; raise `Invalid` with the reason.

    Names may hold any character: they are shown by `visible()`, and a strange name must not keep anybody out.
    """
    login = check_login(line.login)
    values: dict[str, object] = {"login": login}
    for name, longest in _LONGEST.items():
        text = getattr(line, name)
        if len(text) > longest:
            raise Invalid(f"The {name} is longer than {longest} characters.", name)
        if "\0" in text:
            raise Invalid(f"The {name} has a NUL character in it.", name)
        if not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
            raise Invalid(f"The {name} has a character in it that is no text: half of a pair.", name)
        if text := text.strip():
            values[name] = text
    if "email" in values and not _EMAIL.match(str(values["email"])):
        raise Invalid("That is not an e-mail address: it needs a name, an @ and a domain.", "email")
    if "phone" in values:
        values["phone"] = e164(str(values["phone"]))
    if line.role:
        if line.role not in set(Role):
            raise Invalid(f"There is no role {line.role}. Roles are {', '.join(Role)}.", "role")
        values["role"] = Role(line.role)
    if line.password is not None:
        check_password(line.password, shortest=SHORTEST, login=login, tenant=tenant)
    return values


def check_words(words: Sequence[str]) -> Sequence[str]:
    """The words of a search; raise `Invalid` if the store could not look for them."""
    if len(words) > MOST_WORDS:
        raise Invalid(f"Search for at most {MOST_WORDS} words at once.", "search")
    if any("\0" in word for word in words):
        raise Invalid("There is a NUL character in what is searched for.", "search")
    return words


def with_id(context: Context, values: dict[str, object]) -> dict[str, object]:
    """A user's columns as they are inserted."""
    return {**values, "id": context.new_id(), "created": context.now}
