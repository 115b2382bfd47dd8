"""Syntax of the search line for users: words, and `status:`, `role:`, `is:` and `factor:` filters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Conditions that a user must all meet.

    `words`: each is part of a word of the login, the name, the e-mail address or the phone number. Words of one or two
    letters match only the beginning, see `search_key.py`.
    """

    words: tuple[str, ...] = ()
    status: BindingStatus | None = None
    role: Role | None = None
    flag: Flag | None = None
    factor: FactorKind | None = None


EVERYBODY = UserFilter()


def parse_search(text: str) -> tuple[UserFilter, list[str]]:
    """Parse a search line into a filter and a list of what was not understood, in words.

    A partial filter such as `status:un` uses the first value with that beginning. An empty one is ignored.
    """
    words: list[str] = []
    problems: list[str] = []
    status: BindingStatus | None = None
    role: Role | None = None
    flag: Flag | None = None
    factor: FactorKind | None = None
    for part in text.split():
        name, colon, value = part.partition(":")
        if not colon or name not in ("status", "role", "is", "flag", "factor"):
            words.append(part)
        elif name == "status":
            status = _pick(BindingStatus, value, part, problems)
        elif name == "role":
            role = _pick(Role, value, part, problems)
        elif name == "factor":
            factor = _pick(FactorKind, value, part, problems)
        else:
            flag = _pick(Flag, value, part, problems)
    return UserFilter(tuple(words), status, role, flag, factor), problems


def filter_text(wanted: UserFilter) -> str:
    """Return the search line of a filter, empty if it matches all users."""
    facts = (("status", wanted.status), ("role", wanted.role), ("is", wanted.flag), ("factor", wanted.factor))
    return " ".join([*wanted.words, *(f"{name}:{value}" for name, value in facts if value is not None)])


def _pick(kind: type[E], value: str, part: str, problems: list[str]) -> E | None:
    if not value:
        return None
    for member in kind:
        if member.value.startswith(value.casefold()):
            return member
    problems.append(f"{part}: not one of {', '.join(m.value for m in kind)}")
    return None
