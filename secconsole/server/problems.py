"""Errors as problem documents (RFC 9457): one shape for everything that goes wrong."""

from __future__ import annotations

from starlette.responses import Response

from secconsole.domain.errors import Invalid, SecconsoleError, StillRunning
from secconsole.operations.wire import encode

MEDIA_TYPE = "application/problem+json"

#: what each status means here, for the OpenAPI document
MEANINGS = {
    400: "The request cannot be read: the body is not JSON.",
    401: "No valid session or token.",
    403: "Signed in, but may not; with code `step-up-needed`: may, after proving password and factor again.",
    404: "No such thing, or none that you may know of.",
    405: "Not with this method; the header `Allow` names those that there are.",
    408: "The request did not arrive in time.",
    409: "The state does not allow it; with code `stale`: somebody changed it since you looked; with code `invalid`: a "
    "field has the right form and still cannot be taken, such as a password easy to guess.",
    413: "The body is too large.",
    415: "The body is not application/json in UTF-8.",
    422: "A field or parameter is missing, unknown or wrong; `field` names it.",
    431: "Address and headers are too long.",
    500: "An error of the server's own. Its log has it under the `request_id`.",
    503: "The store or the server is not available now: nothing was changed.",
}

#: every code there is, with words as the server may say them
CODES = {
    "not-json": "The body is not JSON.",
    "not-http": "This is no HTTP request.",
    "bad-forwarding": "The proxy's X-Forwarded-For header names no address.",
    "not-signed-in": "Your session has ended. Sign in again.",
    "not-allowed": "A helpdesk may not do this. Those who may: platform-admin, tenant-admin.",
    "step-up-needed": "This needs your password and second factor again.",
    "not-found": "There is no such user.",
    "method-not-allowed": "Not with this method.",
    "too-slow": "The request did not arrive in time.",
    "conflict": "There is a user with that login already.",
    "stale": "Somebody changed the policy meanwhile. Look at it again first.",
    "key-reused": "This Idempotency-Key came with another request before. Nothing was done.",
    "reply-gone": "This was done before, and its reply is no longer given.",
    "still-running": "The same request is being done just now. Send it again in a second.",
    "too-large": "The body is longer than 4,194,304 bytes.",
    "unsupported-media-type": "Send the body as application/json.",
    "invalid": "The limit must be between 1 and 500.",
    "headers-too-large": "The address and headers are longer than is taken.",
    "internal-error": "That did not work: an internal error. The log has it under this request id.",
    "unavailable": "The store is busy: another process is writing. Nothing was changed.",
    "busy": "Too many connections are open. Try again in a moment.",
    "refused": "The request was refused.",
}

SCHEMA = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Match on `code`; show `detail` to people.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The code as a URN: urn:secconsole:problem:CODE."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "enum": sorted(CODES), "description": "The word to match on."},
        "detail": {"type": "string", "description": "What happened and what to do, for a person."},
        "field": {"type": "string", "description": "Which field or parameter is wrong, if one is."},
        "request_id": {"type": "string", "description": "What the server's log has it under."},
    },
}


def document(status: int, code: str, detail: str, request_id: str = "", field: str = "") -> dict[str, object]:
    """A problem as JSON."""
    content: dict[str, object] = {
        "type": f"urn:secconsole:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if field:
        content["field"] = field
    if request_id:
        content["request_id"] = request_id
    return content


def problem(status: int, code: str, detail: str, request_id: str = "", field: str = "") -> Response:
    """A problem document as a response."""
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["retry-after"] = "2"
    if code == StillRunning.code:
        headers["retry-after"] = "1"
    return Response(encode(document(status, code, detail, request_id, field)), status, headers, MEDIA_TYPE)


def problem_of(error: SecconsoleError, request_id: str = "") -> Response:
    """One of our errors as a response."""
    field = error.field if isinstance(error, Invalid) else ""
    return problem(error.http_status, error.code, error.message, request_id, field)
