"""Errors as problem documents (RFC 9457): one shape for everything that goes wrong."""

from __future__ import annotations

from starlette.responses import Response

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.operations.wire import encode

MEDIA_TYPE = "application/problem+json"

#: what each status means here, for the OpenAPI document
MEANINGS = {
    400: "The body is not JSON.",
    401: "No valid session or token.",
    403: "Signed in, but may not; with code `step-up-needed`: may, after proving password and factor again.",
    404: "No such thing, or none that you may know of.",
    409: "The state does not allow it; with code `stale`: somebody changed it since you looked.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field is missing, unknown or wrong.",
    503: "The store is unavailable: nothing was changed.",
}

SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "A name for the kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The word to match on."},
        "detail": {"type": "string", "description": "What happened and what to do, for a person."},
        "field": {"type": "string", "description": "Which field is wrong, if one is."},
        "request_id": {"type": "string"},
    },
}


def problem(status: int, code: str, detail: str, request_id: str = "", field: str = "") -> Response:
    """A problem document as a response."""
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
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["retry-after"] = "2"
    return Response(encode(content), status, headers, MEDIA_TYPE)


def problem_of(error: SecconsoleError, request_id: str = "") -> Response:
    """One of our errors as a response."""
    field = error.field if isinstance(error, Invalid) else ""
    return problem(error.http_status, error.code, error.message, request_id, field)
