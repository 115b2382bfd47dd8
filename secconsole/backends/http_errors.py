"""Errors of requests to a server: problem documents, and missing responses."""

from __future__ import annotations

import socket

import httpx
import msgspec

from secconsole.backends import trust
from secconsole.backends.base import NoAnswer, NotTrusted
from secconsole.domain.errors import (
    Busy,
    Conflict,
    Invalid,
    LimitReached,
    NotAllowed,
    NotFound,
    NotSignedIn,
    SecconsoleError,
    Stale,
    StepUpNeeded,
    Throttled,
    Unavailable,
    WrongNetwork,
)

_BY_CODE: dict[str, type[SecconsoleError]] = {
    kind.code: kind
    for kind in (
        NotSignedIn,
        NotAllowed,
        LimitReached,
        StepUpNeeded,
        WrongNetwork,
        NotFound,
        Conflict,
        Stale,
        Throttled,
        Unavailable,
        Busy,
    )
}
_BY_STATUS: dict[int, type[SecconsoleError]] = {401: NotSignedIn, 403: NotAllowed, 404: NotFound, 409: Conflict}
_ADDRESS = "Check the address."
_UNSURE = "The request may or may not have been carried out: check before you repeat it."
_PROXY_ALONE = (502, 504)
_BUSY = (429, 503)
LONGEST_DETAIL = 2_000  # characters of a server's message
LONGEST_WAIT = 3600.0  # seconds; longer waits that a server asks for are shortened


def error_of(answer: httpx.Response, title: str) -> SecconsoleError:
    """Return the error for a problem document."""
    try:
        found = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        found = {}
    code, detail = str(found.get("code", "")), str(found.get("detail", ""))[:LONGEST_DETAIL]
    if code == "invalid" or (code and answer.status_code in (400, 413, 415, 422)):
        return Invalid(detail or "The server could not read the request.", str(found.get("field", "")))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status_code)
    if kind is not None and detail:
        return kind(detail)
    if answer.status_code in _PROXY_ALONE and not detail:
        lost = answer.status_code == 504
        tail = "The request may or may not have been carried out." if lost else "Nothing was changed."
        return NoAnswer(f"The proxy in front of {title} cannot reach the server. {tail}", perhaps_done=lost)
    if answer.status_code in _BUSY and not detail:
        return Unavailable(f"{title} is too busy at the moment. Nothing was changed.")
    return Unavailable(detail) if detail else not_ours(answer, title)


def not_ours(answer: httpx.Response, title: str) -> Unavailable:
    """Return the error for a response that is not a secconsole server's."""
    if answer.status_code == 200:
        return Unavailable(f"The response of {title} is not from a secconsole server. {_ADDRESS}")
    what = f"{title} answered with status {answer.status_code}, which is not from a secconsole server."
    return Unavailable(f"{what} {_ADDRESS}")


def wait_asked_for(answer: httpx.Response) -> float:
    """Return the seconds of the Retry-After header, or 0 without one.

    Our servers never send a date.
    """
    seconds = answer.headers.get("retry-after", "").strip()
    return min(float(seconds), LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else 0.0


def is_before_sending(error: httpx.HTTPError) -> bool:
    """Return True if no connection was made, so that nothing was sent."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def may_pass(error: httpx.HTTPError) -> bool:
    """Return True if the same request may succeed a moment later, unlike after a timeout or a wrong certificate."""
    if trust.tls_error(error) is not None:
        return False
    return isinstance(error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError)


def no_answer(error: httpx.HTTPError | TimeoutError, title: str, *, perhaps_done: bool) -> NoAnswer:
    """Return the error for a missing response."""
    if (tls := trust.tls_error(error)) is not None and not perhaps_done:
        return NotTrusted(trust.words(tls, title))
    slow = isinstance(error, httpx.TimeoutException | TimeoutError)
    too_long = isinstance(error, httpx.DecodingError)
    endless = f"{title} sent a response that is too long for a secconsole server." if too_long else ""
    if isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error).lower():
        endless = f"{title} does not speak HTTP. {_ADDRESS}"
    if perhaps_done:
        what = endless or (
            f"{title} did not answer in time." if slow else f"{title} closed the connection before it answered."
        )
        tail = _UNSURE
    else:
        what = endless or (f"{title} does not answer." if slow else f"{title} cannot be reached{_why(error)}.")
        tail = "Nothing was changed."
    return NoAnswer(f"{what} {tail}", perhaps_done=perhaps_done)


def answer_lost(title: str) -> NoAnswer:
    """Return the error for a response that was lost and cannot be requested again."""
    return NoAnswer(f"{title} closed the connection before it answered. {_UNSURE}", perhaps_done=True)


def _why(error: BaseException) -> str:
    """Return the system's reason if it helps the reader, or an empty string."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return ": the host name cannot be resolved"
        if isinstance(cause, FileNotFoundError):
            return ": the socket does not exist"
        if isinstance(cause, ConnectionRefusedError):
            return ": the connection was refused"
        if isinstance(cause, PermissionError):
            return ": you may not open the socket"
        cause = cause.__cause__ or cause.__context__
    return ""
