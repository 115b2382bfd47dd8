"""Where the fields of an operation go in an HTTP request, and as what they are read there."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from datetime import datetime

import msgspec
from msgspec import Meta

from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.search import UserFilter
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.fields import Words

PLACEHOLDER = re.compile(r"\{(\w+)\}")
# In a query their fields stand alone; here with what the description says of them.
FLATTENED: dict[object, dict[str, object]] = {
    UserFilter: {
        "words": Words,
        "status": typing.Annotated[BindingStatus | None, Meta(description="Only users whose binding stands so.")],
        "role": typing.Annotated[Role | None, Meta(description="Only users with this role.")],
        "flag": typing.Annotated[Flag | None, Meta(description="Only users with this flag.")],
        "factor": typing.Annotated[FactorKind | None, Meta(description="Only users with a factor of this kind.")],
    }
}

# What no request may hold, whatever the field. PostgreSQL has no text with NUL in it; a time without its offset is no
# moment; and a larger number is another one for many who read JSON.
_TEXT = Meta(pattern=r"^[^\x00]*$")
_LEAST, _MOST = Meta(ge=-MOST_EXACT), Meta(le=MOST_EXACT)
_MOMENT = Meta(tz=True)
_PASSWORD = Meta(extra_json_schema={"format": "password", "writeOnly": True})

_Field = tuple[str, object, object]  # name, type, default


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the fields of an operation go: into the path, the query string or the body; and what it answers with."""

    in_path: dict[str, object]
    query: type[msgspec.Struct] | None
    body: type[msgspec.Struct] | None
    reply: object
    query_kinds: Mapping[str, tuple[object, ...]]  # what the parameters of the query may be, each


_shapes: dict[tuple[str, bool], Shape] = {}
_hints: dict[object, Mapping[str, object]] = {}
_structs: dict[tuple[type, bool], type[msgspec.Struct]] = {}


def shape_of(kind: type[Operation[object]], *, described: bool = False) -> Shape:
    """Where the fields of an operation go.

    `described`: with the limits that their declarations name, as the API's description has them; without, as a request
    is read: what a value may be is then for the operation's own rules to say.
    """
    key = (kind.spec.name, described)
    if key not in _shapes:
        _shapes[key] = _make_shape(kind, described)
    return _shapes[key]


def _make_shape(kind: type[Operation[object]], described: bool) -> Shape:
    fields = _fields_of(kind)
    names = PLACEHOLDER.findall(kind.spec.path)
    in_path = {name: _carried(hint, described) for name, hint, _ in fields if name in names}
    rest = [field for field in fields if field[0] not in names]
    reads = kind.spec.method in ("GET", "DELETE")
    title = "".join(part.capitalize() for part in re.split(r"[.\-]", kind.spec.name))
    query = _struct(f"{title}Query", _flat(rest), described) if reads and rest else None
    body = _struct(f"{title}Body", rest, described) if not reads else None
    kinds = {field.name: alternatives(field.type) for field in msgspec.structs.fields(query)} if query else {}
    return Shape(in_path, query, body, _reply_of(kind), kinds)


def answers_nothing(kind: type[Operation[object]]) -> bool:
    """Whether an operation answers with nothing at all, rather than with a value that may be null."""
    return shape_of(kind).reply is types.NoneType


def restored(hint: object, value: object) -> object:
    """What was read as `_carried` says, as the operation has it: secrets wrapped, structs as dataclasses."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return restored(parts[0], value)
    if value is None:
        return None
    if _is_union(hint):
        return restored(next(part for part in parts if part is not types.NoneType), value)
    if origin is Secret:
        assert isinstance(value, str)
        return Secret(value)
    if origin is tuple:
        assert isinstance(value, tuple)
        return tuple(restored(parts[0], item) for item in value)
    if isinstance(value, float):
        return _whole(value)
    if isinstance(value, msgspec.Struct):
        return typing.cast("type", hint)(**{n: restored(h, getattr(value, n)) for n, h, _ in _fields_of(hint)})
    return value


def _whole(number: float) -> int:
    """A number that JSON has with a fraction of zero: to a schema and to many who write JSON it is a whole one."""
    if not number.is_integer() or abs(number) > MOST_EXACT:
        raise msgspec.ValidationError("Expected `int`, got `float`")
    return int(number)


def alternatives(hint: object) -> tuple[object, ...]:
    """The types that a value may have, without None and without their limits."""
    if typing.get_origin(hint) is typing.Annotated:
        return alternatives(typing.get_args(hint)[0])
    if _is_union(hint):
        return tuple(kind for part in typing.get_args(hint) for kind in alternatives(part))
    return () if hint is types.NoneType else (hint,)


def hints_of(kind: object) -> Mapping[str, object]:
    """The declared types of a dataclass, limits and all."""
    if kind not in _hints:
        _hints[kind] = typing.get_type_hints(kind, include_extras=True)
    return _hints[kind]


def _carried(hint: object, described: bool) -> object:
    """The type that msgspec reads a value as; with `described`, the type that it describes."""
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
        hint = typing.Union[typing.Annotated[int, _LEAST, _MOST], float]  # noqa: UP007 - and `restored` refuses the rest
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
    raise TypeError(f"{kind.__name__} does not say what it answers with")
