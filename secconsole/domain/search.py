"""What is typed into the search line of the users table: words, and `status:`, `role:`, `is:` and `factor:` filters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users: all the conditions hold together. `words`: each is part of the login, the name or the address."""

    words: tuple[str, ...] = ()
    status: BindingStatus | None = None
    role: Role | None = None
    flag: Flag | None = None
    factor: FactorKind | None = None


EVERYBODY = UserFilter()


def parse_search(text: str) -> tuple[UserFilter, list[str]]:
    """Read a search line; the second part lists what was not understood, in words for the person.

    A filter that is still being typed (`status:un`) takes the first value that begins so, and none while it is empty.
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


def _pick(kind: type[E], value: str, part: str, problems: list[str]) -> E | None:
    if not value:
        return None
    for member in kind:
        if member.value.startswith(value.casefold()):
            return member
    problems.append(f"{part}: not one of {', '.join(m.value for m in kind)}")
    return None
