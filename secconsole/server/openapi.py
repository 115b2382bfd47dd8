"""The OpenAPI document, from the same declarations as the routes."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache

import msgspec

from secconsole.domain.roles import Permission, may_phrase
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.wire import shape_of
from secconsole.server.problems import MEANINGS, MEDIA_TYPE, SCHEMA

Json = dict[str, typing.Any]

_REF = "#/components/schemas/{name}"


@cache
def schemas() -> tuple[dict[int, Json], Json]:
    """Schemas of all bodies, queries and replies by the identity of their type, and the components they refer to."""
    kinds: list[object] = []
    for kind in OPERATIONS.values():
        shape = shape_of(kind)
        kinds += [part for part in (shape.body, shape.query, shape.reply) if part is not None]
    found, components = msgspec.json.schema_components(
        typing.cast("Iterable[typing.Any]", kinds), schema_hook=_schema_hook, ref_template=_REF
    )
    return {id(kind): schema for kind, schema in zip(kinds, found, strict=True)}, components


def describe(kind: type[Operation[object]]) -> Json:
    """What the document says of one operation."""
    spec, shape = kind.spec, shape_of(kind)
    by_type, _ = schemas()
    text = (kind.__doc__ or "").strip()
    if spec.permission not in (Permission.NOBODY, Permission.OWN_ACCOUNT):
        text += f"\n\nFor: {may_phrase(spec.permission)}{', or one for oneself' if spec.own else ''}."
    if spec.step_up:
        text += "\n\nNeeds a proof of password and factor that is at most five minutes old (`step-up`)."
    answer: Json = {"204": {"description": "Done."}}
    if shape.reply is not type(None):
        content = {"application/json": {"schema": by_type[id(shape.reply)]}}
        answer = {"200": {"description": "Done.", "content": content}}
    document: Json = {
        "description": text,
        "parameters": [_path_parameter(name) for name in shape.in_path] + _query_parameters(shape.query),
        "responses": answer | {str(status): _problem(status) for status in _statuses(kind)},
        "security": [] if spec.permission is Permission.NOBODY else [{"bearer": []}],
    }
    if shape.body is not None:
        document["requestBody"] = {
            "required": bool([f for f in msgspec.structs.fields(shape.body) if f.required]),
            "content": {"application/json": {"schema": by_type[id(shape.body)]}},
        }
    return document


def complete(document: Json) -> Json:
    """Put the components into the document that FastAPI makes of the routes."""
    _, components = schemas()
    document["components"] = {
        "schemas": components | {"Problem": SCHEMA},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A session's token, from signing in."}
        },
    }
    return document


def _statuses(kind: type[Operation[object]]) -> list[int]:
    takes_body = shape_of(kind).body is not None
    found = [401, 403, 404, 409, 422, 503]
    return sorted(found + ([400, 413, 415] if takes_body else []))


def _problem(status: int) -> Json:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(struct: type[msgspec.Struct] | None) -> list[Json]:
    if struct is None:
        return []
    _, components = schemas()
    properties = components[struct.__name__]["properties"]
    required = set(components[struct.__name__].get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in properties.items()
    ]


def _schema_hook(kind: type) -> Json:
    if typing.get_origin(kind) is Secret or kind is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError(kind)
