"""A route for each operation: read the request strictly, perform, answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from secconsole.domain.errors import Invalid, NotSignedIn, SecconsoleError
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations import (  # noqa: F401 - each declares its operations
    account,
    audit,
    factors,
    policy,
    recovery,
    sessions,
    signin,
    tenants,
    unbinding,
    users,
    whitelist,
)
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.shape import answers_nothing, shape_of
from secconsole.operations.wire import encode, from_request
from secconsole.server.idempotency import headers_for, key_of
from secconsole.server.peers import Caller
from secconsole.server.problems import problem, problem_of
from secconsole.server.routing import Endpoint, PathRoute

R = TypeVar("R")

LONGEST_BODY = 4 * 1024 * 1024
MOST_PARAMETERS = 200
_JSON = re.compile(r'application/json *(; *charset="?utf-8"? *)?\Z', re.IGNORECASE)
_TOKEN = re.compile(r"(?i:Bearer) +([A-Za-z0-9._~+/=-]{1,512})\Z")


class Performer(Protocol):
    """What the server stands before."""

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R: ...

    def changes(self) -> AsyncIterator[None]: ...

    async def is_ready(self) -> bool: ...


class TooLarge(Exception):
    """The body is longer than is taken."""


def add_routes(app: FastAPI, performer: Performer) -> None:
    """Add a route for every operation."""
    for kind in OPERATIONS.values():
        endpoint = _endpoint(kind, performer)
        app.router.routes.append(PathRoute(kind.spec.path, endpoint, method=kind.spec.method, name=kind.spec.name))


def _endpoint(kind: type[Operation[object]], performer: Performer) -> Endpoint:
    takes_body = shape_of(kind).body is not None
    is_open = kind.spec.permission is Permission.NOBODY  # who signs in anew may still send what has ended

    async def endpoint(request: Request) -> Response:
        request_id: str = request.state.request_id
        try:
            body = await _body(request) if takes_body else b""
            if body and not _is_json(request):
                return problem(415, "unsupported-media-type", "Send the body as application/json.", request_id)
            operation = from_request(kind, request.path_params, _query(request), body)
            source = replace(source_of(request), key=key_of(request, kind.spec))
            credential = Nobody() if is_open else credential_of(request)
            reply = await performer.perform_as(operation, credential, source)
        except TooLarge:
            return problem(413, "too-large", f"The body is longer than {LONGEST_BODY:,} bytes.", request_id)
        except msgspec.DecodeError:
            return problem(400, "not-json", "The body is not JSON.", request_id)
        except SecconsoleError as error:
            return problem_of(error, request_id)
        headers = {"cache-control": "no-store", **headers_for(source.key)}
        if answers_nothing(kind):
            return Response(status_code=204, headers=headers)
        return Response(encode(reply), media_type="application/json", headers=headers)

    return endpoint


def source_of(request: Request) -> Source:
    """Where a request comes from, for the audit."""
    return Source("api", request.state.caller.address, request.state.request_id)


def credential_of(request: Request) -> Credential:
    """Who asks, by the Authorization header, else by the socket; a header not understood is not taken for none."""
    given = request.headers.getlist("authorization")
    if not given:
        caller: Caller = request.state.caller
        return caller.without_token
    match = _TOKEN.match(given[0])
    if match is None or len(given) > 1:
        raise NotSignedIn("The Authorization header must be: Bearer TOKEN.")
    return Bearer(Secret(match[1]))


def _is_json(request: Request) -> bool:
    """Whether the body says of itself that it is JSON: in UTF-8, as JSON always is, and not compressed."""
    given = request.headers.getlist("content-type")
    plain = request.headers.get("content-encoding", "identity").lower() == "identity"
    return plain and len(given) == 1 and _JSON.match(given[0]) is not None


def _query(request: Request) -> list[tuple[str, str]]:
    try:
        text = request.scope["query_string"].decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise Invalid("The query string is not UTF-8.") from None
    except ValueError:
        raise Invalid(f"The query string has more than {MOST_PARAMETERS} parameters.") from None


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST_BODY:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)
