"""JSON of other programs, decoded into types of ours, one entry at a time so that a bad one spoils no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import msgspec

from secconsole.domain.errors import Invalid
from secconsole.domain.seeds.seed import BadSeed, Entry, Seed, Unusable, check_number, shown

T = TypeVar("T")


class Named(Protocol):
    @property
    def shown_as(self) -> str: ...


N = TypeVar("N", bound=Named)


def decode(text: str | msgspec.Raw, kind: type[T], program: str) -> T:
    """Return a whole file, or raise `Invalid` without quoting it."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Invalid(f"The file is not an export of {program}.", "file") from None


def each(items: Sequence[msgspec.Raw], kind: type[N], read: Callable[[int, N], Seed]) -> list[Entry]:
    """Return the entries of a list, which are numbered from 1."""
    check_number(items)
    return [_one(number, item, kind, read) for number, item in enumerate(items, start=1)]


def _one(number: int, item: msgspec.Raw, kind: type[N], read: Callable[[int, N], Seed]) -> Entry:
    try:
        found = msgspec.json.decode(item, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Unusable(number, "", "A field is missing, or of another type than expected.")
    try:
        return read(number, found)
    except BadSeed as error:
        return Unusable(number, shown(found.shown_as), error.message)
