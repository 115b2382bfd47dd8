"""Limits on texts and numbers of items in operations, enforced before anything else is done with them.

The limits are part of the declarations, as `Meta(max_length=…)`. A field without a limit cannot be declared.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import Enum

from msgspec import Meta

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_TEXT
from secconsole.domain.secret import Secret
from secconsole.operations.fields import FLATTENED

Check = Callable[[object, str], None]

_SMALL = (bool, int, datetime, types.NoneType)  # of a size that does not depend on the sender
_checks: dict[type, tuple[tuple[str, Check], ...]] = {}


class Unlimited(TypeError):
    """Declaration of a text or list without a limit."""


def check_limits(operation: object) -> None:
    """Raise `Invalid` for a text that is too long or a list with too many items, without quoting it."""
    for name, check in checks_of(type(operation)):
        check(getattr(operation, name), name)


def checks_of(kind: type) -> tuple[tuple[str, Check], ...]:
    """Return the checks of a dataclass's fields by name, or raise `Unlimited` if one of them has no limit."""
    if kind not in _checks:
        hints = _hints_of(kind) | FLATTENED.get(kind, {})
        found = ((f.name, _check_of(hints[f.name], f"{kind.__name__}.{f.name}")) for f in dataclasses.fields(kind))
        _checks[kind] = tuple((name, check) for name, check in found if check is not None)
    return _checks[kind]


def _hints_of(kind: type) -> dict[str, object]:
    """Return the types of a dataclass's fields.

    Most are names of their module. Looking those up takes a fifth of the time of `typing`, and every start of the
    console waits for it.
    """
    names = {"str": str, "int": int, "bool": bool} | vars(sys.modules[kind.__module__])
    hints: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        name, optional, _ = str(field.type).partition(" | None")
        if name not in names:
            return typing.get_type_hints(kind, include_extras=True)
        hints[field.name] = typing.Optional[names[name]] if optional else names[name]  # noqa: UP045 - made at run time
    return hints


def _check_of(hint: object, place: str, most: int | None = None) -> Check | None:
    """Return the check for values of a type, or None if there is nothing to check.

    `most`: the limit in its annotation.
    """
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        lengths = [meta.max_length for meta in parts[1:] if isinstance(meta, Meta) and meta.max_length is not None]
        return _check_of(parts[0], place, min(lengths, default=most))
    if origin in (typing.Union, types.UnionType):
        found = [check for part in parts if (check := _check_of(part, place, most)) is not None]
        if len(found) > 1:
            raise Unlimited(f"{place}: only one member of a union may need a limit")
        return _unless_none(found[0]) if found else None
    if hint in _SMALL or (isinstance(hint, type) and issubclass(hint, Enum)):
        return None
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _of_dataclass(hint)
    if hint is str or origin is Secret:
        return _of_text(_limit(most, place, LONGEST_TEXT))
    if origin is tuple and len(parts) == 2 and parts[1] is Ellipsis:
        return _of_items(_limit(most, place), _check_of(parts[0], f"{place}[…]"))
    raise Unlimited(f"{place}: the limits of {hint} are not known")


def _limit(most: int | None, place: str, ceiling: int | None = None) -> int:
    if most is None:
        raise Unlimited(f"{place} has no limit: declare it with Meta(max_length=…)")
    if ceiling is not None and most > ceiling:
        raise Unlimited(f"{place} has a limit above {ceiling:,} characters, the maximum for any field")
    return most


def _of_text(most: int) -> Check:
    def check(value: object, name: str) -> None:
        text = value.reveal() if isinstance(value, Secret) else value
        if isinstance(text, str) and len(text) > most:
            raise Invalid(f"{_subject(name)} is longer than {most:,} characters.", name)

    return check


def _of_items(most: int, each: Check | None) -> Check:
    def check(value: object, name: str) -> None:
        assert isinstance(value, tuple | list)
        if len(value) > most:
            raise Invalid(f"{_subject(name)} may be at most {most:,} at once.", name)
        if each is not None:
            for index, item in enumerate(value):
                each(item, f"{name}[{index}]")

    return check


def _of_dataclass(kind: type) -> Check | None:
    checks, stand_alone = checks_of(kind), kind in FLATTENED

    def check(value: object, name: str) -> None:
        for field, inner in checks:
            inner(getattr(value, field), field if stand_alone else f"{name}.{field}")

    return check if checks else None


def _unless_none(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


def _subject(name: str) -> str:
    """Return a field as the beginning of a sentence, and a nested field as its JSON path."""
    return name if "[" in name or "." in name else f"The {name.replace('_', ' ')}"
