"""What went wrong between here and a server, as our own errors: its problem documents, and no answer at all."""

from __future__ import annotations

import socket

import httpx
import msgspec

from secconsole.backends import trust
from secconsole.backends.base import NoAnswer, NotTrusted
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

_BY_CODE: dict[str, type[SecconsoleError]] = {
    kind.code: kind for kind in (NotSignedIn, NotAllowed, StepUpNeeded, NotFound, Conflict, Stale, Unavailable)
}
_BY_STATUS: dict[int, type[SecconsoleError]] = {401: NotSignedIn, 403: NotAllowed, 404: NotFound, 409: Conflict}
_PROXY_ALONE = (502, 504)
_BUSY = (429, 503)
LONGEST_DETAIL = 2_000  # characters of what a server may say
LONGEST_WAIT = 3600.0  # seconds; a server that asks for more asks for no one number


def error_of(answer: httpx.Response, title: str) -> SecconsoleError:
    """The error that a problem document stands for."""
    try:
        found = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        found = {}
    code, detail = str(found.get("code", "")), str(found.get("detail", ""))[:LONGEST_DETAIL]
    if code == "invalid" or answer.status_code in (400, 413, 415, 422):
        return Invalid(detail or "The server does not understand the request.", str(found.get("field", "")))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status_code)
    if kind is not None and detail:
        return kind(detail)
    if answer.status_code in _PROXY_ALONE and not detail:
        lost = answer.status_code == 504
        tail = "It may or may not have done what was asked." if lost else "Nothing was changed."
        return NoAnswer(f"What stands before {title} does not reach the server itself. {tail}", perhaps_done=lost)
    if answer.status_code in _BUSY and not detail:
        return Unavailable(f"{title} has too much to do just now. Nothing was changed.")
    said = f"{title} answered {answer.status_code}, which is not what a secconsole server says."
    return Unavailable(detail or f"{said} Is the address right?")


def wait_asked_for(answer: httpx.Response) -> float:
    """Seconds that a server asks to wait before the next try; 0 where it says nothing (or a date, which none of ours
    does)."""
    asked = answer.headers.get("retry-after", "").strip()
    return min(float(asked), LONGEST_WAIT) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0.0


def is_before_sending(error: httpx.HTTPError) -> bool:
    """Whether no connection was made, so that nothing was asked for."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def may_pass(error: httpx.HTTPError) -> bool:
    """Whether the same request may succeed a moment later; time that ran out is gone, a wrong certificate stays."""
    if trust.tls_error(error) is not None:
        return False
    return isinstance(error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError)


def no_answer(error: httpx.HTTPError | TimeoutError, title: str, *, perhaps_done: bool) -> NoAnswer:
    """The error in words."""
    if (tls := trust.tls_error(error)) is not None and not perhaps_done:
        return NotTrusted(trust.words(tls, title))
    slow = isinstance(error, httpx.TimeoutException | TimeoutError)
    too_long = isinstance(error, httpx.DecodingError)
    endless = f"{title} answers more than a secconsole server has to say." if too_long else ""
    if perhaps_done:
        what = endless or (f"{title} did not answer in time." if slow else f"{title} went away before it answered.")
        tail = "It may or may not have done what was asked: look before doing it again."
    else:
        what = endless or (f"{title} does not answer." if slow else f"{title} cannot be reached{_why(error)}.")
        tail = "Nothing was changed."
    return NoAnswer(f"{what} {tail}", perhaps_done=perhaps_done)


def answer_lost(title: str) -> NoAnswer:
    """What was asked for before cannot be asked about any more."""
    words = (
        f"{title} went away before it answered. It may or may not have done what was asked: look before doing it again."
    )
    return NoAnswer(words, perhaps_done=True)


def _why(error: BaseException) -> str:
    """What the system says of it, where that helps."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return ": no machine of that name is known here"
        if isinstance(cause, FileNotFoundError):
            return ": there is no such socket"
        if isinstance(cause, ConnectionRefusedError):
            return ": nothing listens there"
        if isinstance(cause, PermissionError):
            return ": you may not open its socket"
        cause = cause.__cause__ or cause.__context__
    return ""
