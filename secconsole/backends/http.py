"""Operations performed by a server: each one request, its reply decoded by the same declarations."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import httpx

from secconsole.backends.acting import Acting, KeptToken
from secconsole.backends.base import NoAnswer
from secconsole.backends.http_client import ANSWER, CONNECT, lines, make_client, whole
from secconsole.backends.http_errors import (
    answer_lost,
    error_of,
    is_before_sending,
    may_pass,
    no_answer,
    wait_asked_for,
)
from secconsole.config.address import parse_address
from secconsole.domain.errors import Invalid, NotSignedIn, SecconsoleError
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Credential, StoreOwner
from secconsole.operations.shape import shape_of
from secconsole.operations.wire import Request, decode, to_request

R = TypeVar("R")

PAUSE = 0.1  # seconds before the first repetition, doubled each time
TRY_FOR = 5.0  # seconds after which nothing is tried again; with ANSWER the longest that anybody waits
HELLO = 5.0  # seconds for a sign of life
SILENCE = 20.0  # seconds without a word on the stream of changes: the server speaks at least every 15
_VOID = 401
_BUSY = (429, 502, 503, 504)
_UNSURE_FOR = 120.0  # seconds that the key of a request without answer is kept for the same request


class HttpBackend(Acting):
    """A backend over a server's HTTP API, at an address as `config.address` reads it."""

    def __init__(
        self, url: str, credential: Credential, ca_file: Path | None = None, kept: KeptToken | None = None
    ) -> None:
        if isinstance(credential, StoreOwner):
            raise Invalid("Only a session opens a server. Sign in first: secconsole sign-in", "backend")
        address = parse_address(url)
        super().__init__(credential, kept)
        self.title = address.title
        self._client = make_client(address, ca_file)
        self._heard = time.monotonic()
        self._unsure: dict[bytes, tuple[str, float]] = {}

    # ---- operations ------------------------------------------------------------------------------------------------

    async def ask_as(self, operation: Operation[R], credential: Credential) -> R:
        """Ask the server, and ask again for a few seconds while it cannot be reached or is too busy.

        What changes something carries a key by which the server knows a repetition, and answers it as it did the first.
        Raises the server's own error, or `NoAnswer` in words; at the latest after `TRY_FOR` and `ANSWER` seconds.
        """
        request = to_request(operation)
        answer = await self._answered(request, credential, writes=operation.spec.writes)
        if answer.status_code == 204:
            return None  # type: ignore[return-value]
        if answer.status_code == 200:
            return decode(answer.content, shape_of(type(operation)).reply)  # type: ignore[return-value]
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
        while True:
            failure: SecconsoleError
            try:
                async with asyncio.timeout(ANSWER):
                    answer = await whole(await self._client.send(made, stream=True))
            except (httpx.HTTPError, TimeoutError) as error:
                sent = sent or isinstance(error, TimeoutError) or not is_before_sending(error)
                failure, wait = no_answer(error, self.title, perhaps_done=sent and writes), pause
                again = not isinstance(error, TimeoutError) and may_pass(error)
            else:
                self._heard = time.monotonic()
                if answer.status_code == _VOID and sent and writes:
                    # Done before its token was void, or not: with a newer token it would be another request.
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
        """A new key; the one before if the same was asked for a moment ago and its answer never came.

        So whoever presses the button again after a lost line does nothing twice.
        """
        now = time.monotonic()
        self._unsure = {asked: kept for asked, kept in self._unsure.items() if now - kept[1] < _UNSURE_FOR}
        key, _ = self._unsure.get(mark, ("", 0.0))
        self._unsure[mark] = key or secrets.token_hex(16), now
        return self._unsure[mark][0]

    def lacks(self, operation: type[Operation[object]]) -> str:
        return "" if operation.spec.name in OPERATIONS else "This server does not offer it."

    # ---- the line --------------------------------------------------------------------------------------------------

    async def changes(self) -> AsyncIterator[None]:
        """Follow the server's stream of notices until it is lost: once when it stands, then after each change.

        A server ends the stream of a token that was replaced: it is taken up with the new one, and that counts as a
        change. Raises `NotSignedIn` when the session has ended, `NoAnswer` when nothing comes any more.
        """
        used = self.credential
        while True:
            try:
                async for _ in self._notices(used):
                    yield
            except NotSignedIn:
                newer = await self._newer_than(used)
                if newer is None:
                    raise
            else:
                newer = await self._newer_than(used)
                if newer is None:
                    raise NoAnswer(f"{self.title} has ended the connection.")
            used = newer

    async def _notices(self, credential: Credential) -> AsyncIterator[None]:
        """One stream, until the server ends it."""
        timeout = httpx.Timeout(SILENCE, connect=CONNECT)
        asked = self._client.build_request("GET", "/v1/changes", headers=_headers(credential), timeout=timeout)
        answer = await self._soon(asked)
        try:
            if answer.status_code != 200:
                raise error_of(await whole(answer), self.title)
            async for line in lines(answer):
                self._heard = time.monotonic()
                if line.startswith((b"event: change", b": hello")):
                    yield
        except httpx.HTTPError as error:
            if not isinstance(error, httpx.TimeoutException):
                self._heard = time.monotonic()  # a line that breaks stood until then
            raise no_answer(error, self.title, perhaps_done=False) from None
        finally:
            await answer.aclose()
        self._heard = time.monotonic()

    async def reach(self) -> None:
        answer = await self._soon(self._client.build_request("GET", "/healthz"), to_its_end=True)
        if answer.status_code != 200:
            raise error_of(answer, self.title)

    async def _soon(self, request: httpx.Request, *, to_its_end: bool = False) -> httpx.Response:
        """The beginning of an answer, or all of it, within `HELLO` seconds."""
        try:
            async with asyncio.timeout(HELLO):
                answer = await self._client.send(request, stream=True)
                if to_its_end:
                    answer = await whole(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise no_answer(error, self.title, perhaps_done=False) from None
        self._heard = time.monotonic()
        return answer

    def silent_for(self) -> float:
        return time.monotonic() - self._heard

    async def close(self) -> None:
        await self._client.aclose()


def _mark(request: Request, credential: Credential) -> bytes:
    """By what a request is known again, without keeping what is in it."""
    token = credential.token.reveal() if isinstance(credential, Bearer) else ""
    return hashlib.sha256(repr((token, request)).encode()).digest()


def _headers(credential: Credential) -> dict[str, str]:
    token = credential.token if isinstance(credential, Bearer) else None
    if not token:
        return {}
    if not (token.reveal().isascii() and token.reveal().isprintable()):
        raise NotSignedIn("That is no token. Sign in again.")
    return {"authorization": f"Bearer {token.reveal()}"}
