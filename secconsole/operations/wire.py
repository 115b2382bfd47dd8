"""Operations and replies as JSON, paths and query strings: what both ends of the HTTP API agree on.

The API, its client and its OpenAPI document all come from the declarations in this package; nothing is written twice.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import TypeVar
from urllib.parse import quote

import msgspec

from secconsole.domain.errors import Invalid
from secconsole.domain.search import UserFilter
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation

R = TypeVar("R")

_Password = typing.Annotated[str, msgspec.Meta(extra_json_schema={"format": "password"})]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FLATTENED = {UserFilter}  # in a query string their fields stand for themselves


@dataclass(frozen=True, slots=True)
class Request:
    """An operation as an HTTP request; `body` is JSON, or None where there is nothing to say."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the fields of an operation go: into the path, the query string or the body; and what it answers with."""

    in_path: tuple[str, ...]
    query: type[msgspec.Struct] | None
    body: type[msgspec.Struct] | None
    reply: object


def encode(value: object) -> bytes:
    """JSON of a reply, its secrets revealed: whoever may have the reply may have them."""
    return msgspec.json.encode(value, enc_hook=_plain)


def decode(text: bytes, kind: object) -> object:
    """A reply from JSON; raise `Invalid` if it is not one."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_wrap)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid(f"The server's answer is not understood: {error}.") from None


_shapes: dict[str, Shape] = {}


def shape_of(kind: type[Operation[object]]) -> Shape:
    """Where the fields of an operation go."""
    if kind.spec.name not in _shapes:
        _shapes[kind.spec.name] = _make_shape(kind)
    return _shapes[kind.spec.name]


def _make_shape(kind: type[Operation[object]]) -> Shape:
    hints = typing.get_type_hints(kind)
    in_path = tuple(_PLACEHOLDER.findall(kind.spec.path))
    rest = [(f.name, hints[f.name], _default(f)) for f in dataclasses.fields(kind) if f.name not in in_path]  # type: ignore[arg-type]
    reads = kind.spec.method in ("GET", "DELETE")
    name = "".join(part.capitalize() for part in re.split(r"[.\-]", kind.spec.name))
    query = _struct(f"{name}Query", _flat(rest)) if reads and rest else None
    body = _struct(f"{name}Body", rest) if not reads else None
    return Shape(in_path, query, body, _reply_of(kind))


def to_request(operation: Operation[object]) -> Request:
    """The request that asks for an operation."""
    kind = type(operation)
    shape = shape_of(kind)
    values = {f.name: getattr(operation, f.name) for f in dataclasses.fields(operation)}  # type: ignore[arg-type]
    path = _PLACEHOLDER.sub(lambda match: quote(str(_plain_text(values[match[1]])), safe=""), kind.spec.path)
    rest = {name: value for name, value in values.items() if name not in shape.in_path}
    if shape.body is not None:
        return Request(kind.spec.method, path, (), encode(rest))
    query: list[tuple[str, str]] = []
    for name, value in rest.items():
        parts = _fields_of(value) if type(value) in _FLATTENED else {name: value}
        query += [(key, text) for key, part in parts.items() for text in _texts(part)]
    return Request(kind.spec.method, path, tuple(query), None)


def from_request(
    kind: type[Operation[R]], path: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes
) -> Operation[R]:
    """The operation that a request asks for; raise `Invalid` naming what is wrong with it."""
    shape = shape_of(kind)
    values: dict[str, object] = dict(path)
    hints = typing.get_type_hints(kind)
    try:
        if shape.body is not None:
            given = msgspec.json.decode(body or b"{}", type=shape.body, dec_hook=_wrap)
            values |= {name: getattr(given, name) for name in given.__struct_fields__}
        elif query and shape.query is None:
            raise Invalid(f"{query[0][0]} is no parameter here.", query[0][0])
        elif shape.query is not None:
            values |= _from_query(shape.query, query, hints)
        wrapped = {n: Secret(v) if hints[n] == Secret[str] and isinstance(v, str) else v for n, v in values.items()}
    except msgspec.ValidationError as error:
        raise Invalid(f"{str(error).rstrip('.')}.") from None
    return kind(**wrapped)


def _from_query(
    struct: type[msgspec.Struct], query: Sequence[tuple[str, str]], hints: Mapping[str, object]
) -> dict[str, object]:
    many: dict[str, object] = {}
    for name, text in query:
        listed = many.setdefault(name, [])
        assert isinstance(listed, list)
        listed.append(text)
    for field in msgspec.structs.fields(struct):
        given = many.get(field.name)
        if isinstance(given, list) and typing.get_origin(field.type) is not tuple:
            if len(given) > 1:
                raise Invalid(f"{field.name} is given more than once.", field.name)
            many[field.name] = given[0]
    found = msgspec.convert(many, type=struct, strict=False, dec_hook=_wrap)
    flat = {name: getattr(found, name) for name in found.__struct_fields__}
    values: dict[str, object] = {}
    for name, hint in hints.items():
        if hint in _FLATTENED:
            assert isinstance(hint, type)
            values[name] = hint(**{f.name: flat.pop(f.name) for f in dataclasses.fields(hint) if f.name in flat})
        elif name in flat:
            values[name] = flat[name]
    return values


def _struct(name: str, fields: Sequence[tuple[str, object, object]]) -> type[msgspec.Struct]:
    declared: list[tuple[str, object] | tuple[str, object, object]] = []
    for field, hint, default in fields:
        kind = _Password if hint == Secret[str] else hint
        start = default.reveal() if isinstance(default, Secret) else default
        declared.append((field, kind) if default is MISSING else (field, kind, start))
    return msgspec.defstruct(name, declared, kw_only=True, forbid_unknown_fields=True)


def _flat(fields: Sequence[tuple[str, object, object]]) -> list[tuple[str, object, object]]:
    out: list[tuple[str, object, object]] = []
    for name, hint, default in fields:
        if hint in _FLATTENED:
            assert isinstance(hint, type)
            hints = typing.get_type_hints(hint)
            out += [(f.name, hints[f.name], _default(f)) for f in dataclasses.fields(hint)]
        else:
            out.append((name, hint, default))
    return out


def _default(field: dataclasses.Field[object]) -> object:
    return field.default if field.default is not MISSING else MISSING


def _reply_of(kind: type[Operation[object]]) -> object:
    for base in kind.__orig_bases__:  # type: ignore[attr-defined]
        if typing.get_origin(base) is Operation:
            return typing.get_args(base)[0]
    raise TypeError(f"{kind.__name__} does not say what it answers with")


def _fields_of(value: object) -> dict[str, object]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}  # type: ignore[arg-type]


def _texts(value: object) -> list[str]:
    """A value as it stands in a query string: none for None, one for each of several."""
    if value is None:
        return []
    if isinstance(value, tuple):
        return [text for part in value for text in _texts(part)]
    plain = msgspec.to_builtins(value, enc_hook=_plain)
    return [("true" if plain else "false") if isinstance(plain, bool) else str(plain)]


def _plain_text(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(type(value).__name__)


def _wrap(kind: type, value: object) -> object:
    if typing.get_origin(kind) is Secret or kind is Secret:
        if not isinstance(value, str):
            raise msgspec.ValidationError("Expected `str`")
        return Secret(value)
    raise TypeError(kind)
