"""Operations and replies as JSON, paths and query strings, shared by both ends of the HTTP API.

The API, its client and its OpenAPI document are all derived from the declarations in this package.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar
from urllib.parse import quote

import msgspec

from secconsole.domain.errors import Invalid, NotFound
from secconsole.domain.limits import LONGEST_WORD
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.fields import FLATTENED
from secconsole.operations.request_schema import PLACEHOLDER, from_wire, hints_of, request_schema

R = TypeVar("R")

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})\Z", re.ASCII)
_UNKNOWN = "The request contains an unknown field, whose name is too long to repeat."
_TRUTH = {"true": True, "false": False}
_LONGEST_MESSAGE = 200  # quoted, because the parts of a request that msgspec quotes have no limit
_ODD_FIELD = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<name>.*?)`\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """Operation as an HTTP request, with JSON as its `body` or None."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes | None


def encode(value: object) -> bytes:
    """Return a reply as JSON with its secrets revealed, because the recipient may have them."""
    return msgspec.json.encode(value, enc_hook=_plain)


def decode(text: bytes, kind: object) -> object:
    """Return a reply from JSON, or raise `Invalid`."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_wrap)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The server's answer could not be understood: {error}.") from None


def to_request(operation: Operation[object]) -> Request:
    """Return the request for an operation, or raise `NotFound` for a name that cannot be part of a path."""
    kind = type(operation)
    schema = request_schema(kind)
    values = {f.name: getattr(operation, f.name) for f in dataclasses.fields(operation)}  # type: ignore[arg-type]
    path = PLACEHOLDER.sub(lambda match: _segment(match[1], values[match[1]]), kind.spec.path)
    rest = {name: value for name, value in values.items() if name not in schema.in_path}
    if schema.body is not None:
        # Defaults are omitted: a server that does not know a new field yet would reject it.
        usual = {f.name: f.default for f in dataclasses.fields(operation)}  # type: ignore[arg-type]
        body = {name: value for name, value in rest.items() if value != usual[name]}
        return Request(kind.spec.method, path, (), encode(body))
    query: list[tuple[str, str]] = []
    for name, value in rest.items():
        parts = _fields_of(value) if type(value) in FLATTENED else {name: value}
        query += [(key, text) for key, part in parts.items() for text in _texts(part)]
    return Request(kind.spec.method, path, tuple(query), None)


def from_request(
    kind: type[Operation[R]], path: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes
) -> Operation[R]:
    """Return the operation that a request asks for.

    Raise `Invalid` naming what is wrong with it, `NotFound` for a path that can lead nowhere, and msgspec's
    `DecodeError` if the body is not JSON.
    """
    schema = request_schema(kind)
    hints = hints_of(kind)
    values: dict[str, object] = {}
    for name, text in path.items():
        if "\0" in text:
            raise NotFound(f"There is no such {name}.")
        values[name] = from_wire(hints[name], text)
    for name, _ in query:
        if name not in schema.query_kinds:
            raise Invalid(f"{name} is not a known parameter.", name) if len(name) <= LONGEST_WORD else Invalid(_UNKNOWN)
    try:
        if schema.body is not None:
            given = _read_body(schema.body, body)
            for name in given.__struct_fields__:
                values[name] = _restored(name, hints[name], getattr(given, name))
        elif schema.query is not None:
            values |= _from_query(schema.query, schema.query_kinds, query, hints)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), schema.body or schema.query) from None
    return kind(**values)


def _read_body(struct: type[msgspec.Struct], body: bytes) -> msgspec.Struct:
    try:
        return msgspec.json.decode(body or b"{}", type=struct)
    except UnicodeDecodeError:
        raise msgspec.DecodeError("not UTF-8") from None
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None


def _from_query(
    struct: type[msgspec.Struct],
    kinds_of: Mapping[str, tuple[object, ...]],
    query: Sequence[tuple[str, str]],
    hints: Mapping[str, object],
) -> dict[str, object]:
    given: dict[str, list[str]] = {}
    for name, text in query:
        given.setdefault(name, []).append(text)
    values: dict[str, object] = {}
    for name, texts in given.items():
        if any(typing.get_origin(kind) is tuple for kind in kinds_of[name]):
            values[name] = texts
        elif len(texts) > 1:
            raise Invalid(f"{name} occurs more than once.", name)
        else:
            values[name] = _from_text(texts[0], kinds_of[name])
    found = msgspec.convert(values, type=struct)
    flat = {name: getattr(found, name) for name in found.__struct_fields__}
    whole: dict[str, object] = {}
    for name, hint in hints.items():
        if hint in FLATTENED:
            assert isinstance(hint, type)
            whole[name] = hint(**{f.name: flat[f.name] for f in dataclasses.fields(hint)})
        elif name in flat:
            whole[name] = _restored(name, hint, flat[name])
    return whole


def _restored(name: str, hint: object, value: object) -> object:
    try:
        return from_wire(hint, value)
    except msgspec.ValidationError as error:
        raise Invalid(f"{name}: expected a whole number that fits.", name) from error


def _from_text(text: str, kinds: Sequence[object]) -> object:
    """Return a text as a number or boolean if it is spelled as in JSON, otherwise unchanged."""
    if int in kinds and _WHOLE_NUMBER.match(text):
        return int(text)
    return _TRUTH.get(text, text) if bool in kinds else text


def _refusal(message: str, struct: type[msgspec.Struct] | None) -> Invalid:
    """Return the error of msgspec as `Invalid` with the field and a message."""
    what, at, place = message.rpartition(" - at `$")
    field = place.removeprefix(".").removesuffix("`") if at else ""
    what = what if at else message
    if len(what) > _LONGEST_MESSAGE:
        if what.startswith("Invalid enum value "):
            return Invalid(f"{field} is not one of the allowed values.", field)
        return Invalid(_UNKNOWN)
    what = what.replace("int | float", "int")
    odd = _ODD_FIELD.match(what)
    if odd is not None:
        name = f"{field}.{odd['name']}" if field else odd["name"]
        words = "is not known here" if odd["what"] == "contains unknown" else "is missing"
        return Invalid(f"{name} {words}.", name)
    if struct is not None and what.startswith("Invalid enum value "):
        types_of = {one.name: one.type for one in msgspec.structs.fields(struct)}
        if known := _words_of(types_of.get(field.partition("[")[0])):
            given = what.removeprefix("Invalid enum value ")
            return Invalid(f"{field}: {given} is not one of {', '.join(known)}.", field)
    if "matching regex" in what:  # the pattern that all text must match
        return Invalid(f"{field} contains a NUL character.", field)
    return Invalid(f"{field or 'The body'}: {what[0].lower()}{what[1:].rstrip('.')}.", field)


def _words_of(hint: object) -> list[str]:
    """Return the values of the enumerations in a type."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    return [word for part in typing.get_args(hint) for word in _words_of(part)]


def _segment(name: str, value: object) -> str:
    """Return a value as a path segment, refusing dots alone, which proxies treat as another folder."""
    text = str(value.reveal() if isinstance(value, Secret) else value)
    if not text.strip("."):
        raise NotFound(f"There is no such {name}.")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise NotFound(f"There is no such {name}.") from None


def _fields_of(value: object) -> dict[str, object]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}  # type: ignore[arg-type]


def _texts(value: object) -> list[str]:
    """Return the texts of a value in a query string: none for None, one for each item of several."""
    if value is None:
        return []
    if isinstance(value, tuple):
        return [text for part in value for text in _texts(part)]
    plain = msgspec.to_builtins(value, enc_hook=_plain)
    return [("true" if plain else "false") if isinstance(plain, bool) else str(plain)]


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
