"""Errors of the whole program as one tree.

    SecconsoleError
    ├── Invalid            the request itself is wrong: which field, and why     exit 2, HTTP 422
    │   └── Unfit          well formed, but the value cannot be accepted         exit 2, HTTP 409
    ├── NotSignedIn        no valid session or token                             exit 3, HTTP 401
    ├── NotAllowed         signed in, but without permission                     exit 3, HTTP 403
    │   ├── LimitReached   allowed, but not so often within an hour              exit 3, HTTP 403
    │   ├── StepUpNeeded   allowed after proving password and factor again       exit 3, HTTP 403
    │   └── WrongNetwork   allowed, but not from this network                    exit 3, HTTP 403
    ├── NotFound           does not exist, or is not visible to the caller       exit 4, HTTP 404
    ├── Conflict           the state does not allow it                           exit 5, HTTP 409
    │   ├── Stale          changed by someone else since it was read             exit 5, HTTP 409
    │   ├── KeyReused      this Idempotency-Key came with another request        exit 5, HTTP 409
    │   ├── ReplyGone      done before, and the reply is no longer stored        exit 5, HTTP 409
    │   └── StillRunning   the same request is still running                     exit 5, HTTP 409
    └── Unavailable        store, disk, key or server: nothing was changed       exit 6, HTTP 503
        ├── Throttled      too many requests from the same address               exit 6, HTTP 429
        └── Busy           too much load right now: nothing was started          exit 6, HTTP 503

A wrong password or code is an answer and not an error, because its count must be stored although the answer is
no. Messages are for people: one sentence about what happened, one about what to do. They never contain a secret.
"""

from __future__ import annotations

from typing import ClassVar


class SecconsoleError(Exception):
    """Root of the tree, with the `code` that other programs match on."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 6
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(SecconsoleError):
    code, exit_code, http_status = "invalid", 2, 422

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Unfit(Invalid):
    """Well-formed value that is still not acceptable, such as a password that is easy to guess."""

    http_status = 409


class NotSignedIn(SecconsoleError):
    code, exit_code, http_status = "not-signed-in", 3, 401


class NotAllowed(SecconsoleError):
    code, exit_code, http_status = "not-allowed", 3, 403


class LimitReached(NotAllowed):
    """Refusal of what an operator has done too often, with the seconds after which to retry as `retry_after`."""

    code = "limit-reached"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StepUpNeeded(NotAllowed):
    code = "step-up-needed"


class WrongNetwork(NotAllowed):
    code = "wrong-network"


class NotFound(SecconsoleError):
    code, exit_code, http_status = "not-found", 4, 404


class Conflict(SecconsoleError):
    code, exit_code, http_status = "conflict", 5, 409


class Stale(Conflict):
    code = "stale"


class KeyReused(Conflict):
    code = "key-reused"


class ReplyGone(Conflict):
    code = "reply-gone"


class StillRunning(Conflict):
    code = "still-running"


class Unavailable(SecconsoleError):
    code, exit_code, http_status = "unavailable", 6, 503


class Throttled(Unavailable):
    """Refusal of too many requests, with the seconds after which to retry as `retry_after`."""

    code, http_status = "throttled", 429

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Unavailable):
    code = "busy"
