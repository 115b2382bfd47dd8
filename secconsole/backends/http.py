"""Operations performed by a server: one request each, its reply decoded by the same declarations."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from asyncio import timeout_at
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import httpx

from secconsole.backends.base import NoAnswer, Notice
from secconsole.backends.http_client import ANSWER, CONNECT, lines, make_client, whole
from secconsole.backends.http_errors import (
    answer_lost,
    error_of,
    is_before_sending,
    may_pass,
    no_answer,
    not_ours,
    wait_asked_for,
)
from secconsole.backends.session_backend import SessionBackend, TokenStore
from secconsole.config.address import parse_server_url
from secconsole.domain.errors import Invalid, NotSignedIn, SecconsoleError
from secconsole.operations.base import Operation
from secconsole.operations.bounds import check_limits
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.operations.notices import parse_marks
from secconsole.operations.request_schema import request_schema
from secconsole.operations.wire import Request, decode, to_request

R = TypeVar("R")

PAUSE = 0.1  # seconds before the first repetition, doubled each time
TRY_FOR = 5.0  # seconds after which no request is repeated
HELLO = 5.0  # seconds for the beginning of a response
SILENCE = 20.0  # seconds without data on the stream of changes: the server sends some at least every 15
_VOID = 401
_BUSY = (429, 502, 503, 504)
_UNSURE_FOR = 120.0  # seconds that the key of an unanswered request is kept for its repetition


class HttpBackend(SessionBackend):
    """A backend over a server's HTTP API, at an address as `config.address` reads it.

    `forwarded_for`: the address of the client that it acts for, which counts if the server trusts this machine as a
    proxy.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        ca_file: Path | None = None,
        kept: TokenStore | None = None,
        *,
        forwarded_for: str = "",
    ) -> None:
        if isinstance(credential, StoreOwner):
            raise Invalid("A server requires a session. Sign in first: secconsole sign-in", "backend")
        address = parse_server_url(url)
        super().__init__(credential, kept)
        self.title = address.title
        self._client = make_client(address, ca_file)
        if forwarded_for:
            self._client.headers["x-forwarded-for"] = forwarded_for
        self._last_heard = time.monotonic()
        self._unsure: dict[bytes, tuple[str, float]] = {}

    # ---- operations ------------------------------------------------------------------------------------------------

    async def send(self, operation: Operation[R], credential: Credential) -> R:
        """Send a request, and repeat it for a few seconds while the server is unreachable or too busy.

        Requests that change something carry an idempotency key, so that the server replays the reply to a repetition.
        Raises the server's error, or `NoAnswer` after at most `ANSWER` seconds in all.
        """
        check_limits(operation)
        request = to_request(operation)
        if operation.spec.writes:
            with self._own.write() as acknowledge:
                answer = await self._answered(request, credential, writes=True)
                if answer.is_success:
                    acknowledge(answer.headers.get("x-request-id", ""))
        else:
            answer = await self._answered(request, credential, writes=False)
        if answer.status_code == 204:
            return None  # type: ignore[return-value]
        if answer.status_code == 200:
            try:
                return decode(answer.content, request_schema(type(operation)).reply)  # type: ignore[return-value]
            except Invalid:
                raise not_ours(answer, self.title) from None
        raise error_of(answer, self.title)

    async def _answered(self, request: Request, credential: Credential, *, writes: bool) -> httpx.Response:
        headers = _headers(credential)
        mark = _mark(request, credential)
        if request.body is not None:
            headers["content-type"] = "application/json"
        if writes:
            headers["idempotency-key"] = self._key_for(mark)
        made = self._client.build_request(
            request.method, request.path, params=list(request.query), content=request.body, headers=headers
        )
        began, pause, sent = time.monotonic(), PAUSE, False
        ends = asyncio.get_running_loop().time() + ANSWER
        while True:
            failure: SecconsoleError
            try:
                async with timeout_at(ends):
                    answer = await whole(await self._client.send(made, stream=True))
            except (httpx.HTTPError, TimeoutError) as error:
                sent = sent or isinstance(error, TimeoutError) or not is_before_sending(error)
                failure, wait = no_answer(error, self.title, perhaps_done=sent and writes), pause
                again = not isinstance(error, TimeoutError) and may_pass(error)
            else:
                self._last_heard = time.monotonic()
                if answer.status_code == _VOID and sent and writes:
                    # It may have been done, and with the new token it would be another request.
                    raise answer_lost(self.title)
                if answer.status_code not in _BUSY and not wait_asked_for(answer):
                    self._unsure.pop(mark, None)
                    return answer
                failure, wait, again = error_of(answer, self.title), max(pause, wait_asked_for(answer)), True
            if not again or time.monotonic() + wait > began + TRY_FOR:
                if not sent:
                    self._unsure.pop(mark, None)
                raise failure from None
            await asyncio.sleep(wait)
            pause *= 2

    def _key_for(self, mark: bytes) -> str:
        """Return a new key, or the previous one if the same request was not answered a moment ago.

        So a user who presses a button again after a lost connection does nothing twice.
        """
        now = time.monotonic()
        self._unsure = {mark_of: kept for mark_of, kept in self._unsure.items() if now - kept[1] < _UNSURE_FOR}
        key, _ = self._unsure.get(mark, ("", 0.0))
        self._unsure[mark] = key or secrets.token_hex(16), now
        return self._unsure[mark][0]

    # ---- connection ------------------------------------------------------------------------------------------------

    async def changes(self) -> AsyncIterator[Notice]:
        """Yield once when the stream of notices is open, then after each change, until the stream is lost.

        A server ends the stream of a replaced token. It is opened again with the new one, which counts as a change.
        Raises `NotSignedIn` when the session has ended, and `NoAnswer` when no more data comes.
        """
        used = self.credential
        while True:
            try:
                async for marks in self._notices(used):
                    yield await self._own.notice_of(marks)
            except NotSignedIn:
                newer = await self._newer_than(used)
                if newer is None:
                    raise
            else:
                newer = await self._newer_than(used)
                if newer is None:
                    raise NoAnswer(f"{self.title} has ended the connection.")
            used = newer

    async def _notices(self, credential: Credential) -> AsyncIterator[frozenset[str]]:
        """Yield the marks in the notices of one stream until the server ends it."""
        timeout = httpx.Timeout(SILENCE, connect=CONNECT)
        request = self._client.build_request("GET", "/v1/changes", headers=_headers(credential), timeout=timeout)
        answer = await self._soon(request)
        try:
            if answer.status_code != 200:
                raise error_of(await whole(answer), self.title)
            async for line in lines(answer):
                self._last_heard = time.monotonic()
                if line.startswith((b"data: ", b": hello")):
                    yield parse_marks(line.removeprefix(b"data: "))
        except httpx.HTTPError as error:
            if not isinstance(error, httpx.TimeoutException):
                self._last_heard = time.monotonic()  # a connection that breaks was alive until then
            raise no_answer(error, self.title, perhaps_done=False) from None
        finally:
            await answer.aclose()
        self._last_heard = time.monotonic()

    async def reach(self) -> None:
        answer = await self._soon(self._client.build_request("GET", "/healthz"), to_its_end=True)
        if answer.status_code != 200:
            raise error_of(answer, self.title)

    async def _soon(self, request: httpx.Request, *, to_its_end: bool = False) -> httpx.Response:
        """Return the beginning of a response within `HELLO` seconds."""
        try:
            async with asyncio.timeout(HELLO):
                answer = await self._client.send(request, stream=True)
                if to_its_end:
                    answer = await whole(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise no_answer(error, self.title, perhaps_done=False) from None
        self._last_heard = time.monotonic()
        return answer

    def silent_for(self) -> float:
        return time.monotonic() - self._last_heard

    async def close(self) -> None:
        await self._client.aclose()


def _mark(request: Request, credential: Credential) -> bytes:
    """Return a digest that identifies a request, so that its content need not be kept."""
    token = credential.token.reveal() if isinstance(credential, Bearer) else ""
    return hashlib.sha256(repr((token, request)).encode()).digest()


def _headers(credential: Credential) -> dict[str, str]:
    token = credential.token if isinstance(credential, Bearer) else None
    if not token:
        return {}
    if not (token.reveal().isascii() and token.reveal().isprintable()):
        raise NotSignedIn("The token is malformed. Sign in again.")
    return {"authorization": f"Bearer {token.reveal()}"}
