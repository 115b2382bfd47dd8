"""A route for each operation: parses the request strictly, performs it, and answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from secconsole.domain.errors import Invalid, NotAllowed, NotSignedIn, SecconsoleError
from secconsole.domain.limits import LONGEST_BEARER, MOST_DIGITS, USUAL_BODY
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations import load_all
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.bounds import check_limits
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.request_schema import answers_nothing, request_schema
from secconsole.operations.signin import WhoAmI
from secconsole.operations.wire import encode, from_request
from secconsole.server.idempotency import headers_for, key_of
from secconsole.server.problems import problem, problem_of
from secconsole.server.routing import Endpoint, RouteTable
from secconsole.server.transport.peers import Caller

R = TypeVar("R")

MOST_PARAMETERS = 200
_JSON = re.compile(r'application/json *(; *charset="?utf-8"? *)?\Z', re.IGNORECASE)
_TOKEN = re.compile(rf"(?i:Bearer) +([A-Za-z0-9._~+/=-]{{1,{LONGEST_BEARER}}})\Z")


class OperationExecutor(Protocol):
    """Interface of the backend that the server exposes."""

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R: ...

    def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[frozenset[str]]: ...

    async def is_ready(self) -> bool: ...


class TooLarge(Exception):
    """The body is longer than the operation allows."""


def add_routes(table: RouteTable, executor: OperationExecutor) -> None:
    """Add a route for every operation."""
    load_all()
    for kind in OPERATIONS.values():
        table.add(kind.spec.path, _endpoint(kind, executor), method=kind.spec.method, name=kind.spec.name)


def _endpoint(kind: type[Operation[object]], executor: OperationExecutor) -> Endpoint:
    takes_body = request_schema(kind).body is not None
    is_open = kind.spec.permission is Permission.NOBODY  # a client that signs in may still send an expired token

    async def endpoint(request: Request) -> Response:
        request_id: str = request.state.request_id
        try:
            # Only the long bodies: for others a look-up of the caller would cost more than reading.
            if kind.spec.body > USUAL_BODY and _is_long(request):  # reading it costs more than checking the caller
                await _refuse_strangers(request, executor)
            body = await _body(request, kind.spec.body) if takes_body else b""
            if body and not _is_json(request):
                return problem(415, "unsupported-media-type", "Send the body as application/json.", request_id)
            if len(body) > USUAL_BODY:  # thousands of lines: do not block other requests
                operation = await asyncio.to_thread(_read, kind, request, body)
            else:
                operation = _read(kind, request, body)
            source = replace(source_of(request), key=key_of(request, kind.spec))
            credential = Nobody() if is_open else credential_of(request)
            reply = await executor.perform_as(operation, credential, source)
        except TooLarge:
            return problem(413, "too-large", f"The body is longer than {kind.spec.body:,} bytes.", request_id)
        except msgspec.DecodeError:
            return problem(400, "not-json", "The body is not JSON.", request_id)
        except SecconsoleError as error:
            return problem_of(error, request_id)
        # Replies have tokens, codes and personal data.
        headers = {"cache-control": "no-store", **headers_for(source.key)}
        if answers_nothing(kind):
            return Response(status_code=204, headers=headers)
        return Response(encode(reply), media_type="application/json", headers=headers)

    return endpoint


def _read(kind: type[Operation[object]], request: Request, body: bytes) -> Operation[object]:
    operation = from_request(kind, request.path_params, _query(request), body)
    check_limits(operation)
    return operation


def _is_long(request: Request) -> bool:
    """Return True unless the body is announced to be of the usual length."""
    announced = request.headers.get("content-length", "")
    return not (announced.isascii() and announced.isdigit() and len(announced) <= MOST_DIGITS) or (
        int(announced) > USUAL_BODY
    )


async def _refuse_strangers(request: Request, executor: OperationExecutor) -> None:
    """Raise `NotSignedIn` before the body is read, as permissions are only checked with the operation."""
    with suppress(NotAllowed):
        await executor.perform_as(WhoAmI(), credential_of(request), replace(source_of(request), idle=True))


def source_of(request: Request) -> Source:
    """Return the source of a request, for the audit."""
    caller: Caller = request.state.caller
    return Source("api", caller.address, request.state.request_id, relayed=caller.relayed)


def credential_of(request: Request) -> Credential:
    """Return the credential of the Authorization header, or of the socket if the header is absent."""
    # All of them: with two headers a proxy may have checked the other one.
    given = request.headers.getlist("authorization")
    if not given:
        caller: Caller = request.state.caller
        return caller.without_token
    match = _TOKEN.match(given[0])
    if match is None or len(given) > 1:
        raise NotSignedIn("The Authorization header must be: Bearer TOKEN.")
    return Bearer(Secret(match[1]))


def _is_json(request: Request) -> bool:
    """Return True if the body is declared as JSON in UTF-8 and is not compressed."""
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


async def _body(request: Request, most: int) -> bytes:
    """Return the body, or raise `TooLarge` as soon as its length is announced or exceeded."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and (len(announced) > MOST_DIGITS or int(announced) > most):
        raise TooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
