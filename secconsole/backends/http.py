"""Operations performed by a server: each one request, its reply decoded by the same declarations."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from typing import TypeVar

import httpx
import msgspec

from secconsole.backends.http_client import make_client
from secconsole.domain.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    SecconsoleError,
    Stale,
    StepUpNeeded,
    Unavailable,
)
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.operations.wire import decode, shape_of, to_request

R = TypeVar("R")

_BY_CODE: dict[str, type[SecconsoleError]] = {
    kind.code: kind for kind in (NotSignedIn, NotAllowed, StepUpNeeded, NotFound, Conflict, Stale, Unavailable)
}
_BY_STATUS: dict[int, type[SecconsoleError]] = {401: NotSignedIn, 403: NotAllowed, 404: NotFound, 409: Conflict}
TRIES = 3
PAUSE = 0.2  # seconds before the first repetition, doubled each time
LONGEST_PAUSE = 10.0
_SILENCE = 45.0  # seconds without a word from the stream of changes: three of the server's signs of life


class HttpBackend:
    """A backend over a server's HTTP API."""

    def __init__(self, url: str, credential: Credential) -> None:
        if isinstance(credential, StoreOwner):
            raise Invalid("Only a session opens a server. Sign in first: secconsole sign-in", "backend")
        self.credential: Credential = credential
        self._client, self.title = make_client(url)

    async def perform(self, operation: Operation[R]) -> R:
        """Ask the server; a request that may be repeated is, while the server cannot be reached.

        Raises the server's own error, or `Unavailable` in words if there was no answer.
        """
        request = to_request(operation)
        headers = self._headers()
        if request.body is not None:
            headers |= {"content-type": "application/json"}
        if operation.spec.writes:
            headers["idempotency-key"] = secrets.token_hex(16)
        pause = PAUSE
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self._client.request(
                    request.method, request.path, params=list(request.query), content=request.body, headers=headers
                )
            except httpx.HTTPError as error:
                # A connection that was never made has asked for nothing; anything later may have been done.
                harmless = not operation.spec.writes or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == TRIES or not harmless or isinstance(error.__cause__, ssl.SSLError):
                    raise Unavailable(_words(error, self.title, operation.spec.writes and not harmless)) from None
                await asyncio.sleep(pause)
                pause *= 2
            else:
                return self._reply(operation, answer)
        raise AssertionError("unreachable")

    def lacks(self, operation: type[Operation[object]]) -> str:
        return "" if operation.spec.name in OPERATIONS else "This server does not offer it."

    async def changes(self) -> AsyncIterator[None]:
        """Follow the server's stream of notices; connect again by itself, and count that as a change."""
        pause = PAUSE
        while True:
            try:
                timeout = httpx.Timeout(_SILENCE, connect=5.0)
                async with self._client.stream(
                    "GET", "/v1/changes", headers=self._headers(), timeout=timeout
                ) as answer:
                    if answer.status_code == 200:
                        pause = PAUSE
                        async for line in answer.aiter_lines():
                            if line.startswith(("event: change", ": hello")):
                                yield
            except httpx.HTTPError:
                pass
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def close(self) -> None:
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        token = self.credential.token if isinstance(self.credential, Bearer) else None
        if not token:
            return {}
        if not (token.reveal().isascii() and token.reveal().isprintable()):
            raise NotSignedIn("That is no token. Sign in again.")
        return {"authorization": f"Bearer {token.reveal()}"}

    def _reply(self, operation: Operation[R], answer: httpx.Response) -> R:
        if answer.status_code == 204:
            return None  # type: ignore[return-value]
        if answer.status_code == 200:
            return decode(answer.content, shape_of(type(operation)).reply)  # type: ignore[return-value]
        raise _error_of(answer, self.title)


def _error_of(answer: httpx.Response, title: str) -> SecconsoleError:
    """The error that a problem document stands for."""
    try:
        found = msgspec.json.decode(answer.content, type=dict[str, object])
    except msgspec.DecodeError:
        found = {}
    code, detail = str(found.get("code", "")), str(found.get("detail", ""))
    if code == "invalid" or answer.status_code in (400, 413, 415, 422):
        return Invalid(detail or "The server does not understand the request.", str(found.get("field", "")))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status_code)
    if kind is not None and detail:
        return kind(detail)
    return Unavailable(detail or f"{title} answered {answer.status_code}, which is not what a secconsole server says.")


def _words(error: httpx.HTTPError, title: str, perhaps_done: bool) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "verify_message", "") or "no agreement on how to encrypt"
        return f"The certificate of {title} is not trusted: {reason}. Nothing was sent. Ask whoever runs the server."
    if isinstance(error, httpx.TimeoutException):
        what = f"{title} does not answer."
    else:
        what = f"{title} cannot be reached."
    tail = " It may or may not have done what was asked: look before doing it again." if perhaps_done else ""
    return f"{what}{tail or ' Nothing was changed.'}"
