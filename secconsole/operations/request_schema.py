"""Mapping of an operation's fields to the parts of an HTTP request, and their types there."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from datetime import datetime
from functools import cache

import msgspec
from msgspec import Meta

from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.fields import FLATTENED

PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Rejected in every request, whatever the field. PostgreSQL cannot store NUL in text, a time without its offset is
# ambiguous, and many JSON parsers change larger numbers.
_TEXT = Meta(pattern=r"^[^\x00]*$")
_LEAST, _MOST = Meta(ge=-MOST_EXACT), Meta(le=MOST_EXACT)
_MOMENT = Meta(tz=True)
_PASSWORD = Meta(extra_json_schema={"format": "password", "writeOnly": True})

_Field = tuple[str, object, object]  # name, type, default


@dataclass(frozen=True, slots=True)
class RequestSchema:
    """Fields of an operation in path, query string and body, and the type of its reply."""

    in_path: dict[str, object]
    query: type[msgspec.Struct] | None
    body: type[msgspec.Struct] | None
    reply: object
    query_kinds: Mapping[str, tuple[object, ...]]  # the alternatives for each parameter of the query


_schemas: dict[tuple[str, bool], RequestSchema] = {}
_hints: dict[object, Mapping[str, object]] = {}
_structs: dict[tuple[type, bool], type[msgspec.Struct]] = {}


def request_schema(kind: type[Operation[object]], *, described: bool = False) -> RequestSchema:
    """Return the request schema of an operation.

    `described`: with the declared limits, as the API's description has them. Without it, as a request is read, so that
    the operation's own rules judge the values.
    """
    key = (kind.spec.name, described)
    if key not in _schemas:
        _schemas[key] = _make_schema(kind, described)
    return _schemas[key]


def _make_schema(kind: type[Operation[object]], described: bool) -> RequestSchema:
    fields = _fields_of(kind)
    names = PLACEHOLDER.findall(kind.spec.path)
    in_path = {name: _carried(hint, described) for name, hint, _ in fields if name in names}
    rest = [field for field in fields if field[0] not in names]
    reads = kind.spec.method in ("GET", "DELETE")
    title = "".join(part.capitalize() for part in re.split(r"[.\-]", kind.spec.name))
    query = _struct(f"{title}Query", _flat(rest), described) if reads and rest else None
    body = _struct(f"{title}Body", rest, described) if not reads else None
    kinds = {field.name: alternatives(field.type) for field in msgspec.structs.fields(query)} if query else {}
    return RequestSchema(in_path, query, body, _reply_of(kind), kinds)


def answers_nothing(kind: type[Operation[object]]) -> bool:
    """Return True if an operation has no reply at all, as opposed to one that may be null."""
    return request_schema(kind).reply is types.NoneType


def from_wire(hint: object, value: object) -> object:
    """Convert a value read as `_carried` describes to the operation's type: secrets wrapped, structs as dataclasses."""
    return None if value is None else reader_of(hint)(value)


@cache
def reader_of(hint: object) -> Callable[[object], object]:
    """Return the function that converts values of a declared type, other than None."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return reader_of(parts[0])
    if _is_union(hint):
        return reader_of(next(part for part in parts if part is not types.NoneType))
    if origin is Secret:
        return _secret
    if origin is tuple:
        return lambda items: tuple(from_wire(parts[0], item) for item in typing.cast("tuple[object, ...]", items))
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda struct: hint(**{n: from_wire(h, getattr(struct, n)) for n, h, _ in _fields_of(hint)})
    return _as_it_is


def _secret(value: object) -> object:
    assert isinstance(value, str)
    return Secret(value)


def _as_it_is(value: object) -> object:
    return _whole(value) if isinstance(value, float) else value


def _whole(number: float) -> int:
    """Return a JSON number with a fraction of zero as the whole number that it is to schemas and many writers."""
    if not number.is_integer() or abs(number) > MOST_EXACT:
        raise msgspec.ValidationError("Expected `int`, got `float`")
    return int(number)


def alternatives(hint: object) -> tuple[object, ...]:
    """Return the alternatives of a type, without None and without their limits."""
    if typing.get_origin(hint) is typing.Annotated:
        return alternatives(typing.get_args(hint)[0])
    if _is_union(hint):
        return tuple(kind for part in typing.get_args(hint) for kind in alternatives(part))
    return () if hint is types.NoneType else (hint,)


def hints_of(kind: object) -> Mapping[str, object]:
    """Return the declared types of a dataclass, including limits."""
    if kind not in _hints:
        _hints[kind] = typing.get_type_hints(kind, include_extras=True)
    return _hints[kind]


def _carried(hint: object, described: bool) -> object:
    """Return the type that msgspec reads a value as, or with `described` the one that it documents."""
    metas: tuple[Meta, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *named = typing.get_args(hint)
        metas = tuple(named) if described else ()
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if _is_union(hint):
        hint = typing.Union[tuple(_carried(part, described) for part in parts)]  # noqa: UP007 - made at run time
    elif origin is Secret:
        hint, metas = str, (*metas, _PASSWORD)
    elif origin is tuple:
        hint = types.GenericAlias(tuple, (_carried(parts[0], described), ...))
    elif hint is str and not any(meta.pattern or "pattern" in (meta.extra_json_schema or {}) for meta in metas):
        metas = (*metas, _TEXT)
    elif hint is int and described:
        metas += () if any(meta.ge is not None for meta in metas) else (_LEAST,)
        metas += () if any(meta.le is not None for meta in metas) else (_MOST,)
    elif hint is int:
        hint = typing.Union[typing.Annotated[int, _LEAST, _MOST], float]  # noqa: UP007 - and `from_wire` refuses the rest
    elif hint is datetime and not metas:
        metas = (_MOMENT,)
    elif dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        key = (hint, described)
        if key not in _structs:
            _structs[key] = _struct(hint.__name__, _fields_of(hint), described, hint.__doc__)
        hint = _structs[key]
    return typing.Annotated[(hint, *metas)] if metas else hint


def _struct(name: str, fields: Sequence[_Field], described: bool, doc: str | None = None) -> type[msgspec.Struct]:
    declared: list[tuple[str, object] | tuple[str, object, object]] = []
    for field, hint, default in fields:
        kind = _carried(hint, described)
        start = default.reveal() if isinstance(default, Secret) else default
        declared.append((field, kind) if default is MISSING else (field, kind, start))
    namespace = {"__doc__": doc} if doc else None
    return msgspec.defstruct(name, declared, namespace=namespace, kw_only=True, forbid_unknown_fields=True)


def _fields_of(kind: object) -> list[_Field]:
    hints = hints_of(kind)
    return [(f.name, hints[f.name], f.default) for f in dataclasses.fields(kind)]  # type: ignore[arg-type]


def _flat(fields: Sequence[_Field]) -> list[_Field]:
    out: list[_Field] = []
    for name, hint, default in fields:
        if hint in FLATTENED:
            limits = FLATTENED[hint]
            out += [(part, limits.get(part, kind), start) for part, kind, start in _fields_of(hint)]
        else:
            out.append((name, hint, default))
    return out


def _is_union(hint: object) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _reply_of(kind: type[Operation[object]]) -> object:
    for base in kind.__orig_bases__:  # type: ignore[attr-defined]
        if typing.get_origin(base) is Operation:
            return typing.get_args(base)[0]
    raise TypeError(f"{kind.__name__} does not declare its reply")
