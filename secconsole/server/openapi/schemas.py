"""Schemas of the OpenAPI document, from the types of the declarations."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache
from inspect import cleandoc

import msgspec

from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.request_schema import RequestSchema, request_schema

Json = dict[str, typing.Any]

REF = "#/components/schemas/{name}"


@cache
def _components() -> tuple[dict[int, Json], Json]:
    """Schemas by the identity of their type, and the components they refer to."""
    kinds: list[object] = []
    for kind in OPERATIONS.values():
        schema = described(kind)
        kinds += [*schema.in_path.values(), schema.reply]
        kinds += [part for part in (schema.body, schema.query) if part is not None]
    found, components = msgspec.json.schema_components(
        typing.cast("Iterable[typing.Any]", kinds), schema_hook=_secret, ref_template=REF
    )
    replies = _reached(described(kind).reply for kind in OPERATIONS.values())
    for name, schema in components.items():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        if name in replies and "properties" in schema:
            schema["required"] = list(schema["properties"])  # a reply has all its fields, whatever their value
            for part in schema["properties"].values():
                part.pop("default", None)
    return {id(kind): schema for kind, schema in zip(kinds, found, strict=True)}, components


def described(kind: type[Operation[object]]) -> RequestSchema:
    """Return the schema of an operation with the limits of its fields."""
    return request_schema(kind, described=True)


def schema_of(kind: object) -> Json:
    """Return the schema of a body, a reply or a part of a path."""
    return _components()[0][id(kind)]


def components() -> Json:
    """Return the components that schemas refer to, except queries, which are parameters."""
    queries = {schema.query.__name__ for kind in OPERATIONS.values() if (schema := described(kind)).query is not None}
    return {name: schema for name, schema in sorted(_components()[1].items()) if name not in queries}


def query_properties(struct: type[msgspec.Struct]) -> list[tuple[str, Json, bool]]:
    """Return name, schema and True if required, of each parameter of a query.

    An omitted parameter is null.
    """
    schema = _components()[1][struct.__name__]
    required = set(schema.get("required", ()))
    return [(name, _without_null(part), name in required) for name, part in schema["properties"].items()]


def _without_null(schema: Json) -> Json:
    others = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(others) == 1:
        schema = {**others[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
    return {key: value for key, value in schema.items() if key != "default" or value is not None}


def _reached(kinds: Iterable[object]) -> set[str]:
    """Return the names of all components that schemas of these types refer to."""
    _, found = msgspec.json.schema_components(
        typing.cast("Iterable[typing.Any]", kinds), schema_hook=_secret, ref_template=REF
    )
    return set(found)


def _secret(kind: type) -> Json:
    if typing.get_origin(kind) is Secret or kind is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError(kind)
