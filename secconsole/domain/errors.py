"""Everything that can go wrong, as one tree.

    SecconsoleError
    ├── Invalid            the request itself is wrong: which field, and why     exit 2, HTTP 422
    │   └── Unfit          its form is right, and still it cannot be taken       exit 2, HTTP 409
    ├── NotSignedIn        no valid session or token                             exit 3, HTTP 401
    ├── NotAllowed         signed in, but may not                                exit 3, HTTP 403
    │   └── StepUpNeeded   may, after proving password and factor again          exit 3, HTTP 403
    ├── NotFound           no such thing, or none that you may know of           exit 4, HTTP 404
    ├── Conflict           the state does not allow it                           exit 5, HTTP 409
    │   ├── Stale          somebody changed it since you looked                  exit 5, HTTP 409
    │   ├── KeyReused      this Idempotency-Key came with another request        exit 5, HTTP 409
    │   ├── ReplyGone      this was done before, and the reply is not kept       exit 5, HTTP 409
    │   └── StillRunning   the same request is being done just now               exit 5, HTTP 409
    └── Unavailable        store, disk, key or server: nothing was changed       exit 6, HTTP 503

A wrong password or code is not an error: it is an answer, since its count must be kept when the answer is no.
Messages are for the person: one sentence what happened, one what to do. They never hold a secret.
"""

from __future__ import annotations

from typing import ClassVar


class SecconsoleError(Exception):
    """Root of the tree; `code` is the word other programs match on."""

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
    """What no description of a field's form can say: a password easy to guess, an end that has passed."""

    http_status = 409


class NotSignedIn(SecconsoleError):
    code, exit_code, http_status = "not-signed-in", 3, 401


class NotAllowed(SecconsoleError):
    code, exit_code, http_status = "not-allowed", 3, 403


class StepUpNeeded(NotAllowed):
    code = "step-up-needed"


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
