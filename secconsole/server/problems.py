"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

from starlette.responses import Response

from secconsole.domain.errors import Invalid, LimitReached, SecconsoleError, StillRunning, Throttled
from secconsole.operations.wire import encode

MEDIA_TYPE = "application/problem+json"

#: meaning of each status, for the OpenAPI document
MEANINGS = {
    400: "The request cannot be read, or its body is not JSON.",
    401: "No valid session or token.",
    403: "The caller is not allowed to do this, with code `step-up-needed` until the factor is proved again, with code "
    "`wrong-network` from this address, and with code `limit-reached` after too many resets (`Retry-After` has the "
    "seconds to wait).",
    404: "It does not exist, or the caller may not see it.",
    405: "The path does not support this method. The header `Allow` lists those that it supports.",
    408: "The request did not arrive in time.",
    409: "The state does not allow it. With code `stale` it was changed since you read it. With code `invalid` a "
    "well-formed field is not accepted, such as a password that is easy to guess.",
    413: "The body is too large.",
    415: "The body is not application/json in UTF-8.",
    422: "A field or parameter is missing, unknown or wrong. `field` names it.",
    429: "Too many requests from your address, or too many refused ones. `Retry-After` has the seconds to wait.",
    431: "The address and headers are too long.",
    500: "The server failed. Its log lists the error under the `request_id`.",
    503: "The store or the server is not available. Nothing was changed.",
}

#: every code, with a detail as the server may return it
CODES = {
    "not-json": "The body is not JSON.",
    "not-http": "This is not an HTTP request.",
    "bad-forwarding": "The proxy's X-Forwarded-For header contains no valid address.",
    "not-signed-in": "Your session has ended. Sign in again.",
    "not-allowed": "A helpdesk may not do this. Those who may: platform-admin, tenant-admin.",
    "step-up-needed": "Confirm it's you first: this needs a code again, or your password if no factor is bound.",
    "limit-reached": "You have reset 20 users within an hour, the most that acme allows. Go on in 12 minutes.",
    "wrong-network": "Your address 198.51.100.7 is not in the networks that acme allows. Connect from one of them.",
    "not-found": "There is no such user.",
    "method-not-allowed": "The path does not support this method.",
    "too-slow": "The request did not arrive in time.",
    "conflict": "There is a user with that login already.",
    "stale": "Another user changed the policy meanwhile. Read it again first.",
    "key-reused": "This Idempotency-Key came with another request before. Nothing was done.",
    "reply-gone": "This was done before, and its reply is no longer available.",
    "still-running": "The same request is in progress. Send it again in a second.",
    "too-large": "The body is longer than 4,194,304 bytes.",
    "unsupported-media-type": "Send the body as application/json.",
    "invalid": "The limit must be between 1 and 500.",
    "headers-too-large": "The address and headers are too long.",
    "internal-error": "The request failed with an internal error. The server's log lists it under this request ID.",
    "unavailable": "The store is busy: another process is writing. Nothing was changed.",
    "throttled": "Too many sign-ins from your address were refused. Try again in 12 seconds.",
    "too-many-connections": "Too many connections come from your address. Try again in a moment.",
    "busy": "Too many connections are open. Try again in a moment.",
    "refused": "The request was refused.",
}

SCHEMA = {
    "title": "Problem",
    "description": "An error (RFC 9457). Match on `code`, and show `detail` to users.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The code as a URN: urn:secconsole:problem:CODE."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "enum": sorted(CODES), "description": "The code to match on."},
        "detail": {"type": "string", "description": "What happened and what to do, for users."},
        "field": {"type": "string", "description": "The field or parameter that is wrong, if any."},
        "request_id": {"type": "string", "description": "ID of the request in the server's log."},
    },
}


def document(status: int, code: str, detail: str, request_id: str = "", field: str = "") -> dict[str, object]:
    """Return a problem document as JSON."""
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
    """Return a problem document as a response."""
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (429, 503):
        headers["retry-after"] = "2"
    if code == StillRunning.code:
        headers["retry-after"] = "1"
    return Response(encode(document(status, code, detail, request_id, field)), status, headers, MEDIA_TYPE)


def problem_of(error: SecconsoleError, request_id: str = "") -> Response:
    """Return the response for one of our errors."""
    field = error.field if isinstance(error, Invalid) else ""
    answer = problem(error.http_status, error.code, error.message, request_id, field)
    if isinstance(error, Throttled | LimitReached):
        answer.headers["retry-after"] = str(error.retry_after)
    return answer
