"""A route for each operation: read the request strictly, perform, answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from secconsole.domain.errors import NotSignedIn, SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations import (  # noqa: F401 - each declares its operations
    account,
    audit,
    factors,
    policy,
    signin,
    tenants,
    unbinding,
    users,
    whitelist,
)
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Credential, Source
from secconsole.operations.wire import encode, from_request, shape_of
from secconsole.server.openapi import describe
from secconsole.server.peers import Caller
from secconsole.server.problems import problem, problem_of

R = TypeVar("R")

LONGEST_BODY = 4 * 1024 * 1024
_TOKEN = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,512})\Z")


class Performer(Protocol):
    """What the server stands before."""

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R: ...

    def changes(self) -> AsyncIterator[None]: ...

    async def is_ready(self) -> bool: ...


class TooLarge(Exception):
    """The body is longer than is taken."""


def add_routes(app: FastAPI, performer: Performer) -> None:
    """Add a route for every operation; paths without a placeholder come before those with one in the same place."""
    for kind in sorted(OPERATIONS.values(), key=lambda kind: (kind.spec.path.count("{"), kind.spec.path)):
        app.add_api_route(
            kind.spec.path,
            _endpoint(kind, performer),
            methods=[kind.spec.method],
            name=kind.spec.name,
            summary=kind.spec.summary,
            operation_id=kind.spec.name,
            tags=[kind.spec.name.partition(".")[0]],
            openapi_extra=describe(kind),
            response_class=Response,
            responses={},
        )


def _endpoint(kind: type[Operation[object]], performer: Performer) -> Callable[[Request], Awaitable[Response]]:
    takes_body = shape_of(kind).body is not None

    async def endpoint(request: Request) -> Response:
        request_id: str = request.state.request_id
        try:
            body = await _body(request) if takes_body else b""
            if takes_body and body and not _is_json(request):
                return problem(415, "unsupported-media-type", "Send the body as application/json.", request_id)
            operation = from_request(kind, request.path_params, request.query_params.multi_items(), body)
            reply = await performer.perform_as(operation, credential_of(request), source_of(request))
        except TooLarge:
            return problem(413, "too-large", f"The body is longer than {LONGEST_BODY:,} bytes.", request_id)
        except msgspec.DecodeError:
            return problem(400, "not-json", "The body is not JSON.", request_id)
        except SecconsoleError as error:
            return problem_of(error, request_id)
        if reply is None:
            return Response(status_code=204)
        return Response(encode(reply), media_type="application/json", headers={"cache-control": "no-store"})

    return endpoint


def source_of(request: Request) -> Source:
    """Where a request comes from, for the audit."""
    return Source("api", request.state.caller.address, request.state.request_id)


def credential_of(request: Request) -> Credential:
    """Who asks, by the Authorization header, else by the socket; a header not understood is not taken for none."""
    given = request.headers.get("authorization")
    if given is None:
        caller: Caller = request.state.caller
        return caller.without_token
    match = _TOKEN.match(given)
    if match is None:
        raise NotSignedIn("The Authorization header must be: Bearer TOKEN.")
    return Bearer(Secret(match[1]))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST_BODY:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)
