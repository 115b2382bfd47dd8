"""The schemas of the OpenAPI document, from the types of the declarations."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache
from inspect import cleandoc

import msgspec

from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.shape import Shape, shape_of

Json = dict[str, typing.Any]

REF = "#/components/schemas/{name}"


@cache
def _made() -> tuple[dict[int, Json], Json]:
    """Schemas by the identity of their type, and the components they refer to."""
    kinds: list[object] = []
    for kind in OPERATIONS.values():
        shape = described(kind)
        kinds += [*shape.in_path.values(), shape.reply]
        kinds += [part for part in (shape.body, shape.query) if part is not None]
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


def described(kind: type[Operation[object]]) -> Shape:
    """The shape of an operation with the limits of its fields."""
    return shape_of(kind, described=True)


def schema_of(kind: object) -> Json:
    """The schema of a body, a reply or a part of a path."""
    return _made()[0][id(kind)]


def components() -> Json:
    """What the schemas refer to; queries stand in the document as parameters."""
    queries = {shape.query.__name__ for kind in OPERATIONS.values() if (shape := described(kind)).query is not None}
    return {name: schema for name, schema in sorted(_made()[1].items()) if name not in queries}


def query_properties(struct: type[msgspec.Struct]) -> list[tuple[str, Json, bool]]:
    """Name, schema and whether it is required, of each parameter of a query: leaving one out is its null."""
    schema = _made()[1][struct.__name__]
    required = set(schema.get("required", ()))
    return [(name, _without_null(part), name in required) for name, part in schema["properties"].items()]


def _without_null(schema: Json) -> Json:
    others = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(others) == 1:
        schema = {**others[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
    return {key: value for key, value in schema.items() if key != "default" or value is not None}


def _reached(kinds: Iterable[object]) -> set[str]:
    """The names of all components that schemas of these types refer to."""
    _, found = msgspec.json.schema_components(
        typing.cast("Iterable[typing.Any]", kinds), schema_hook=_secret, ref_template=REF
    )
    return set(found)


def _secret(kind: type) -> Json:
    if typing.get_origin(kind) is Secret or kind is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError(kind)
