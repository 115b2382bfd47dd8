"""Syntax of the search line for users: words, and filters such as `status:unbound`, `-is:locked` and `created:>30d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role

E = TypeVar("E", bound=StrEnum)

MOST_DAYS = 36_500  # of an age
NO_PHONE = "none"
_AGE = re.compile(r"([<>])([0-9]{1,5})([dwmy]?)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365, "": 1}
_FACTS: dict[str, tuple[str, type[BindingStatus] | type[Role] | type[Flag] | type[FactorKind]]] = {
    "status": ("status", BindingStatus),
    "role": ("role", Role),
    "is": ("flag", Flag),
    "flag": ("flag", Flag),
    "factor": ("factor", FactorKind),
    "only": ("only", FactorKind),
}
_NOT_COUNTED = frozenset((Flag.LOCKED, Flag.OVERDUE, Flag.CODES_REFUSED, Flag.WEAK_KEY))
_NAMES = (*_FACTS, "created", "last", "phone")


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Conditions that a user must all meet.

    `words`: each is part of a word of the login, the name, the e-mail address or the phone number. Words of one or two
    letters match only the beginning, see `search_key.py`. `not_status` and the like exclude users. `created_over`,
    `created_under`: created more or less than so many days ago. `last_over`, `last_under`: the same of the last sign-
    in. `only`: users with this kind of factor and no other. `signed_in`: whether they ever did. `phone`: consecutive
    digits of the number, or `none` for no number.
    """

    words: tuple[str, ...] = ()
    status: BindingStatus | None = None
    role: Role | None = None
    flag: Flag | None = None
    factor: FactorKind | None = None
    only: FactorKind | None = None
    not_status: BindingStatus | None = None
    not_role: Role | None = None
    not_flag: tuple[Flag, ...] = ()
    not_factor: FactorKind | None = None
    created_over: int | None = None
    created_under: int | None = None
    last_over: int | None = None
    last_under: int | None = None
    signed_in: bool | None = None
    phone: str = ""

    @property
    def is_counted(self) -> bool:
        """True if the users with these facts are counted in advance, as far as the filter has no words."""
        if {self.flag, *self.not_flag} & _NOT_COUNTED:
            return False
        ages = (self.created_over, self.created_under, self.last_over, self.last_under, self.signed_in)
        return not self.phone and all(age is None for age in ages)


EVERYBODY = UserFilter()


def parse_search(text: str) -> tuple[UserFilter, list[str]]:
    """Parse a search line into a filter and a list of what was not understood, in words.

    A partial filter such as `status:un` uses the first value with that beginning. An empty one is ignored.
    """
    words: list[str] = []
    problems: list[str] = []
    found: dict[str, object] = {}
    for part in text.split():
        name, _, value = part.removeprefix("-").partition(":")
        refused = part.startswith("-")
        if not is_filter(part):
            words.append(part)
        elif not value:
            continue
        elif name in _FACTS and not (refused and name == "only"):
            field, kind = _FACTS[name]
            _add(found, f"not_{field}" if refused else field, _pick(kind, value, part, problems), part, problems)
        elif name == "phone" and not refused:
            found["phone"] = _phone(value, part, problems)
        elif name == "last" and "never".startswith(value.casefold()):
            found["signed_in"] = refused
        elif not refused:
            found |= _age(name, value, part, problems)
        else:
            problems.append(f"{part}: cannot be excluded")
    return UserFilter(tuple(words), **found), problems  # type: ignore[arg-type]


def _add(found: dict[str, object], field: str, value: object, part: str, problems: list[str]) -> None:
    """Add a fact: any number of excluded flags, and one of each other kind."""
    if field == "not_flag":
        flags = cast("tuple[Flag, ...]", found.get(field, ()))
        found[field] = flags if value is None or value in flags else (*flags, value)
    elif value is not None and found.get(field, value) != value:
        problems.append(f"{part}: only one of these is possible")
    else:
        found[field] = value


def is_filter(part: str) -> bool:
    """Return True if a part of a search line is a filter, and not a word."""
    name, colon, _ = part.removeprefix("-").partition(":")
    return bool(colon) and name in _NAMES


def filter_text(wanted: UserFilter) -> str:
    """Return the search line of a filter, empty if it matches all users."""
    facts: list[str] = []
    for name, field in (("status", "status"), ("role", "role"), ("is", "flag"), ("factor", "factor")):
        excluded = getattr(wanted, f"not_{field}")
        for sign, value in (("", getattr(wanted, field)), ("-", None if field == "flag" else excluded)):
            facts += [f"{sign}{name}:{value}"] if value is not None else []
    facts += [f"only:{wanted.only}"] if wanted.only is not None else []
    facts += [f"-is:{flag}" for flag in wanted.not_flag]
    for name in ("created", "last"):
        for sign, value in ((">", getattr(wanted, f"{name}_over")), ("<", getattr(wanted, f"{name}_under"))):
            facts += [f"{name}:{sign}{value}d"] if value is not None else []
    if wanted.signed_in is not None:
        facts.append("-last:never" if wanted.signed_in else "last:never")
    return " ".join([*wanted.words, *facts, *([f"phone:{wanted.phone}"] if wanted.phone else [])])


def _pick(kind: type[E], value: str, part: str, problems: list[str]) -> E | None:
    for member in kind:
        if member.value.startswith(value.casefold()):
            return member
    problems.append(f"{part}: not one of {', '.join(m.value for m in kind)}")
    return None


def _phone(value: str, part: str, problems: list[str]) -> str:
    if NO_PHONE.startswith(value.casefold()):
        return NO_PHONE
    digits = "".join(char for char in value if char.isascii() and char.isdigit())
    if not digits:
        problems.append(f"{part}: not digits of a number, and not none")
    return digits


def _age(name: str, value: str, part: str, problems: list[str]) -> dict[str, object]:
    found = _AGE.fullmatch(value.casefold())
    if found is None:
        if value not in ("<", ">"):  # more is being typed
            problems.append(f"{part}: not an age such as >30d, <2w or >1y")
        return {}
    days = min(int(found[2]) * _DAYS[found[3]], MOST_DAYS)
    return {f"{name}_{'over' if found[1] == '>' else 'under'}": days}
