"""The OpenAPI document, from the same declarations as the routes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from inspect import cleandoc

import msgspec

from secconsole import __version__
from secconsole.domain.roles import Permission, may_phrase
from secconsole.operations.base import OPERATIONS, Operation, example_of
from secconsole.operations.events import RESETS_MANY
from secconsole.operations.request_schema import answers_nothing
from secconsole.operations.wire import encode, to_request
from secconsole.server.idempotency import REPLAY, parameters
from secconsole.server.openapi.filters import filter_example
from secconsole.server.openapi.monitoring import MONITORING, MONITORING_TAG
from secconsole.server.openapi.schemas import REF, Json, components, described, query_properties, schema_of
from secconsole.server.problems import CODES, MEANINGS, MEDIA_TYPE, SCHEMA
from secconsole.server.problems import document as problem_document

_JSON = "application/json"
_REQUEST_ID = "3f9c1e7a52b04d68"
_TITLES = {"signin": "sign-in", "user_changes": "user-changes"}  # tags whose name differs from the module's

_ABOUT = """
The operations of the console, for programs.

**Signing a user in takes two calls.** `POST /v1/tenants/{tenant}/sign-in` takes login and password. If it answers
`second-factor`, its `token` is null. `POST /v1/sign-in/{challenge}/verify` then takes the code, and answers `complete`
with the token. (Other answers are `complete` at once if no second factor is required, `enroll` and `new-password`,
which continue with the other calls of the sign-in, and `refused`.) An application that only checks its own users needs
no other calls. To use this API, send the token as `Authorization: Bearer TOKEN`. A challenge is not accepted there.

**Programs** need not sign in. They send a personal access token (`POST /v1/me/tokens`) or their tenant's secret key in
the same header. Both are limited to operations that name a scope: reading, and checking codes.

Requests are parsed strictly: unknown fields and parameters, wrong types and repeated parameters are refused, and
nothing is converted. All errors are problem documents (RFC 9457); match on `code`. Times are RFC 3339. To read the next
page of a list, pass the `next` of the page before as `cursor`. Every response has an `X-Request-Id`, which is also in
the audit. Send your own (up to 64 of `A-Z a-z 0-9 . _ -`), or the server creates one.
"""


@cache
def document() -> Json:
    """Return the whole document, which never changes while the program runs."""
    paths: dict[str, Json] = {}
    responses: Json = {}
    for kind in OPERATIONS.values():
        paths.setdefault(kind.spec.path, {})[kind.spec.method.lower()] = _operation(kind)
        responses |= {_name(*found): _problem(*found) for found in codes_of(kind).items()}
    for path, operation in MONITORING.items():
        codes = {status: list(ANYWHERE[status]) for status in ANYWHERE} | operation["codes"]
        rest = {key: value for key, value in operation.items() if key != "codes"}
        own = {status: dict(response) for status, response in operation["responses"].items()}
        rest["responses"] = _problems(codes) | own
        responses |= {_name(*found): _problem(*found) for found in codes.items()}
        paths[path] = {"get": rest | {"parameters": [_ref("parameters", "RequestId")]}}
    for item in paths.values():
        for operation in item.values():
            for response in operation["responses"].values():
                if "$ref" not in response:
                    response.setdefault("headers", {})["X-Request-Id"] = _ref("headers", "RequestId")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "secconsole",
            "version": __version__,
            "summary": "Multi-factor authentication of an organisation",
            "description": cleandoc(_ABOUT),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server of this document."}],
        "tags": _tags(),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components() | {"Problem": SCHEMA},
            "responses": dict(sorted(responses.items())),
            "parameters": {"RequestId": _REQUEST_ID_PARAMETER},
            "headers": {"RequestId": _REQUEST_ID_HEADER, "RequestIdOnceRead": _REQUEST_ID_HEADER | {"required": False}},
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": description}
                for name, description in _BEARERS.items()
            },
        },
        "security": [{name: []} for name in _BEARERS],
    }


_BEARERS = {
    "session": "A session's token, returned by a sign-in.",
    "token": "A personal access token, `secconsole_pat_…`: acts for its owner within its scopes.",
    "key": "A tenant's secret key, `secconsole_key_…`: checks codes and reads within its tenant.",
}
_REQUEST_ID_PARAMETER: Json = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Your own ID for this request, for logs and audit. It is replaced if it is malformed.",
    "schema": {"type": "string"},
    "example": _REQUEST_ID,
}
_REQUEST_ID_HEADER: Json = {
    "description": "ID of this request in log and audit.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}


def codes_of(kind: type[Operation[object]]) -> dict[int, list[str]]:
    """Return the codes that an operation's problems can have, by status."""
    spec, schema = kind.spec, described(kind)
    fields = {name for part in (schema.query, schema.body) if part is not None for name in part.__struct_fields__}
    signed_in = spec.permission is not Permission.NOBODY
    found: dict[int, list[str]] = {status: list(codes) for status, codes in ANYWHERE.items()}

    def add(status: int, *codes: str, when: bool = True) -> None:
        if when:
            found.setdefault(status, []).extend(codes)

    add(400, "not-json", when=schema.body is not None)
    add(401, "not-signed-in", when=signed_in)
    add(403, "not-allowed", "wrong-network", when=signed_in)
    add(403, "step-up-needed", when=spec.step_up != "never")
    add(403, "limit-reached", when=RESETS_MANY in spec.records)
    add(404, "not-found", when="{" in spec.path or bool(fields & _NAMING))
    add(409, "conflict", "key-reused", "reply-gone", "still-running", when=spec.writes)
    # the sign-in has ended, or what is previewed could not be done now
    add(409, "conflict", when=not spec.writes and ("{challenge}" in spec.path or spec.method == "POST"))
    add(409, "stale", when="expect" in fields or (spec.writes and "{job}" in spec.path))
    add(409, "invalid", when=spec.writes or bool(fields & {"cursor", "since"}))
    add(413, "too-large", when=schema.body is not None)
    add(415, "unsupported-media-type", when=schema.body is not None)
    add(422, "invalid")
    return found


# fields that name something, which may not exist
_NAMING = {"factor", "user", "event", "enrollment", "session", "tenant", "token"}

#: possible for every request
ANYWHERE: dict[int, tuple[str, ...]] = {
    400: ("not-http", "bad-forwarding"),
    408: ("too-slow",),
    429: ("throttled", "too-many-connections"),
    431: ("headers-too-large",),
    500: ("internal-error",),
    503: ("unavailable", "busy"),
}


def _operation(kind: type[Operation[object]]) -> Json:
    spec, schema, example = kind.spec, described(kind), example_of(kind.spec.name)
    operation: Json = {
        "operationId": spec.name,
        "tags": [_tag(kind.__module__)],
        "summary": spec.summary,
        "description": _description(kind),
        "parameters": [
            *_path_parameters(kind),
            *_query_parameters(kind),
            *parameters(spec),
            _ref("parameters", "RequestId"),
        ],
        "responses": {"204": {"description": "Done."}},
    }
    if not answers_nothing(kind):
        content = {"schema": schema_of(schema.reply), "examples": {"answer": {"value": _plain(example.reply)}}}
        description = "Done." if spec.writes else "The reply."
        operation["responses"] = {"200": {"description": description, "content": {_JSON: content}}}
    if spec.writes:
        for response in operation["responses"].values():
            response["headers"] = {REPLAY: _REPLAY_HEADER}
    operation["responses"] |= _problems(codes_of(kind))
    if spec.permission is Permission.NOBODY:
        operation["security"] = []
    elif spec.scope is None:
        operation["security"] = [{"session": []}]
    if schema.body is not None:
        content = {"schema": schema_of(schema.body), "examples": {"request": {"value": _body_example(kind)}}}
        needed = any(field.required for field in msgspec.structs.fields(schema.body))
        operation["requestBody"] = {"required": needed, "content": {_JSON: content}}
    return operation


_REPLAY_HEADER: Json = {
    "description": "`true` if this is the reply to an earlier request with the same key.",
    "schema": {"type": "string", "const": "true"},
}


def _description(kind: type[Operation[object]]) -> str:
    spec = kind.spec
    text = cleandoc(kind.__doc__ or "")
    if spec.permission is Permission.NOBODY:
        text += "\n\nRequires no token."
    elif spec.permission is Permission.OWN_ACCOUNT:
        text += "\n\nRequires a session."
    else:
        text += f"\n\nAllowed for: {may_phrase(spec.permission)}{', or users for themselves' if spec.own else ''}."
    if spec.step_up != "never":
        when = f", {spec.why}" if spec.step_up == "sometimes" else ""
        proof = "a recent proof of the factor, or of the password if none is bound (`POST /v1/me/step-up`)"
        text += f"\n\nNeeds {proof}{when}."
    if spec.scope is not None:
        text += f"\n\nA token needs the scope `{spec.scope}`."
    return text


def _problems(codes: dict[int, list[str]]) -> Json:
    return {str(status): _ref("responses", _name(status, found)) for status, found in sorted(codes.items())}


def _name(status: int, codes: list[str]) -> str:
    return ".".join((str(status), *sorted(codes)))


def _problem(status: int, codes: list[str]) -> Json:
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": sorted(codes)}}}
    content = {
        "schema": {"allOf": [{"$ref": REF.format(name="Problem")}, narrowed]},
        "examples": {code: {"value": _example_problem(status, code)} for code in sorted(codes)},
    }
    return {
        "description": MEANINGS[status],
        "headers": {"X-Request-Id": _ref("headers", _id_header(status))} | _PROBLEM_HEADERS.get(status, {}),
        "content": {MEDIA_TYPE: content},
    }


def _id_header(status: int) -> str:
    return "RequestIdOnceRead" if status in ANYWHERE and status != 500 else "RequestId"


_SECONDS: Json = {
    "description": "Seconds to wait before the next attempt.",
    "schema": {"type": "integer", "minimum": 1},
}
_PROBLEM_HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}},
    409: {"Retry-After": _SECONDS},
    429: {"Retry-After": _SECONDS},
    503: {"Retry-After": _SECONDS},
}


def _example_problem(status: int, code: str) -> Json:
    if code != "invalid":
        return problem_document(status, code, CODES[code], _REQUEST_ID)
    if status == 422:
        return problem_document(status, code, CODES[code], _REQUEST_ID, "limit")
    return problem_document(status, code, "That end is in the past. Enter a later one, or none.", _REQUEST_ID, "until")


def _path_parameters(kind: type[Operation[object]]) -> list[Json]:
    example = example_of(kind.spec.name).request
    found: list[Json] = []
    for name, hint in described(kind).in_path.items():
        schema = {"minLength": 1, **schema_of(hint)}
        about = schema.pop("description")
        schema.pop("writeOnly", None)  # only valid for properties
        value = _plain(getattr(example, name))
        found.append(
            {"name": name, "in": "path", "required": True, "description": about, "schema": schema, "example": value}
        )
    return found


def _query_parameters(kind: type[Operation[object]]) -> list[Json]:
    struct = described(kind).query
    if struct is None:
        return []
    given: dict[str, list[str]] = {}
    for name, text in to_request(example_of(kind.spec.name).request).query:
        given.setdefault(name, []).append(text)
    found: list[Json] = []
    for name, schema, required in query_properties(struct):
        parameter: Json = {"name": name, "in": "query", "required": required, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
            parameter["schema"] = {key: value for key, value in schema.items() if key != "description"}
        texts = given.get(name, [])
        if schema.get("type") == "array":
            parameter["example"] = texts
        elif texts and texts[0]:
            parameter["example"] = msgspec.json.decode(texts[0]) if schema.get("type") in _BARE else texts[0]
        else:
            parameter["examples"] = {"filter": {"value": filter_example(name, schema)}}
        found.append(parameter)
    return found


_BARE = ("integer", "boolean")


def _body_example(kind: type[Operation[object]]) -> Json:
    """Return the body of the example without fields that have their defaults."""
    struct = described(kind).body
    assert struct is not None
    body: Json = msgspec.json.decode(to_request(example_of(kind.spec.name).request).body or b"{}")
    defaults = {f.name: _plain(f.default) for f in msgspec.structs.fields(struct) if not f.required}
    return {name: value for name, value in body.items() if name not in defaults or value != defaults[name]}


def _tags() -> list[Json]:
    modules: Iterable[str] = dict.fromkeys(kind.__module__ for kind in OPERATIONS.values())
    areas = [{"name": _tag(name), "description": (sys.modules[name].__doc__ or "").strip()} for name in modules]
    return [*areas, MONITORING_TAG]


def _tag(module: str) -> str:
    name = module.rpartition(".")[2]
    return _TITLES.get(name, name)


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _plain(value: object) -> object:
    return msgspec.json.decode(encode(value))
