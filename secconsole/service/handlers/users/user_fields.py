"""Validation of a user's fields, the same for one user and for an import."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from secconsole.domain.errors import Conflict, Invalid, Unfit
from secconsole.domain.limits import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PHONE, MOST_WORDS
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.phone import e164
from secconsole.domain.roles import Role
from secconsole.domain.users.login import TAKEN, Likeness, check_login, likeness
from secconsole.domain.users.password import SHORTEST, check_password
from secconsole.domain.users.search_key import search_terms
from secconsole.operations.user_import import NewUser
from secconsole.service.context import Context
from secconsole.store import users
from secconsole.store.rows import UserRecord

_LONGEST = {"name": LONGEST_NAME, "email": LONGEST_EMAIL, "phone": LONGEST_PHONE}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
_ENCODED_WORD = re.compile(r"=\?|\?=")
_ROLES = frozenset(Role)


def check_fields(line: NewUser, tenant: str) -> dict[str, object]:
    """Return the columns that a line sets, without empty fields, or raise `Invalid`.

    Names may contain any character: `visible()` makes them harmless, and an unusual name must not exclude anyone.
    """
    login = check_login(line.login)
    values: dict[str, object] = {"login": login}
    for name, longest in _LONGEST.items():
        text = getattr(line, name)
        if len(text) > longest:
            raise Invalid(f"The {name} is longer than {longest} characters.", name)
        if not text.isprintable():
            if "\0" in text:
                raise Invalid(f"The {name} contains a NUL character.", name)
            if any("\ud800" <= c <= "\udfff" for c in text):
                raise Invalid(f"The {name} contains half of a surrogate pair, which is not text.", name)
        if text := text.strip():
            values[name] = text
    if "email" in values:
        values["email"] = _email(line.email, str(values["email"]))
    if "phone" in values:
        values["phone"] = e164(str(values["phone"]))
    if line.role:
        if line.role not in _ROLES:
            raise Invalid(f"The role {line.role} does not exist. Roles are {', '.join(Role)}.", "role")
        values["role"] = Role(line.role)
    if line.password is not None:
        check_password(line.password, shortest=SHORTEST, login=login, tenant=tenant)
    return values


def _email(given: str, email: str) -> str:
    """Return an address as it is stored, also one that mail cannot be sent to, or raise `Invalid`.

    `email`: the input without surrounding spaces.
    """
    if not _EMAIL.match(email):
        raise Invalid("That is not an e-mail address. It needs a name, an @ and a domain.", "email")
    if _ENCODED_WORD.search(email) or given.strip(" ").splitlines() != [email]:
        raise Unfit("The e-mail address contains a line break or an encoded word.", "email")
    with suppress(Invalid):  # mail is not sent to others, but a directory may contain them
        return mail_address(email)
    return email


def check_words(words: Sequence[str]) -> Sequence[str]:
    """Return the words of a search, or raise `Invalid` if the store cannot search for them."""
    if len(words) > MOST_WORDS or len(search_terms(words)) > MOST_WORDS:
        raise Invalid(f"Search for at most {MOST_WORDS} words at once.", "search")
    if any("\0" in word for word in words):
        raise Invalid("The search contains a NUL character.", "search")
    if any("\ud800" <= char <= "\udfff" for word in words for char in word):
        raise Invalid("The search contains half of a surrogate pair, which is not text.", "search")
    return words


def refuse_taken(context: Context, login: str, *, by: UserRecord | None = None) -> None:
    """Raise `Conflict` if another user of the tenant has a login, `by` being the one who is to get it."""
    holder = users.user_by_name(context.connection, context.tenant.pk, login)
    if holder is None or (by is not None and holder.pk == by.pk):
        return
    if likeness(login, holder.login) is Likeness.SAME:
        raise Conflict(TAKEN)


def with_id(context: Context, values: dict[str, object]) -> dict[str, object]:
    """Return a user's columns as they are inserted."""
    return {**values, "id": context.new_id(), "created": context.now}
