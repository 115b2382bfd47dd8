"""OpenAPI descriptions of the paths that are not operations: changes, health, readiness, metrics."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

MONITORING_TAG: Json = {"name": "monitoring", "description": "Notices of changes, and the state of the server."}


_A_CHANGE: Json = {"event": "change", "data": '{"requests":["5feceb66ffc86f38"]}'}
_DATA = (
    "A JSON object. `requests` names those that made the changes: of each, the first 16 hexadecimal digits of the "
    "SHA-256 of its `X-Request-Id`, so that a client recognises its own. It is absent if they are not known or too "
    "many."
)
_EVENT: Json = {
    "description": "One event of the stream.",
    "type": "object",
    "required": ["event", "data"],
    "properties": {"event": {"const": "change"}, "data": {"type": "string", "description": _DATA}},
}


def _text(example: str) -> Json:
    return {"text/plain": {"schema": {"type": "string"}, "examples": {"answer": {"value": example}}}}


#: `codes` are the codes of its specific problems, by status
MONITORING: dict[str, Json] = {
    "/v1/changes": {
        "operationId": "changes",
        "tags": ["monitoring"],
        "summary": "Follow changes",
        "description": "A stream of server-sent events: `event: change` after each change, by any user, in what "
        "the reader may see: all tenants for a platform administrator, their own tenant for readers of it, "
        "and for a user their own account. Events do not contain what changed, so read again what you show. "
        "The stream begins with a comment, has another every 15 seconds while nothing changes, and ends when the "
        "server stops or the session has ended.\n\nRequires a session. A token needs the scope `read`.",
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": _EVENT, "examples": {"event": {"value": _A_CHANGE}}}},
            }
        },
        "codes": {401: ["not-signed-in"], 403: ["not-allowed"]},
    },
    "/healthz": {
        "operationId": "healthz",
        "tags": ["monitoring"],
        "summary": "Check that the process responds",
        "description": "Liveness check, for a supervisor that restarts the process.",
        "responses": {"200": {"description": "The process responds.", "content": _text("ok\n")}},
        "codes": {},
        "security": [],
    },
    "/readyz": {
        "operationId": "readyz",
        "tags": ["monitoring"],
        "summary": "Check whether the server is ready for requests",
        "description": "Readiness check, for a load balancer.",
        "responses": {
            "200": {"description": "The store answers.", "content": _text("ready\n")},
            "503": {
                "description": "The store does not answer, or the server is stopping.",
                "content": _text("the store does not answer\n"),
            },
        },
        "codes": {},
        "security": [],
    },
    "/metrics": {
        "operationId": "metrics",
        "tags": ["monitoring"],
        "summary": "Show metrics in the format of Prometheus",
        "description": "Limited to this machine and the networks of the server's `--metrics-from`.",
        "responses": {
            "200": {
                "description": "The metrics since the start.",
                "content": _text('secconsole_requests_total{operation="who-am-i",status="200"} 12.0\n'),
            }
        },
        "codes": {403: ["not-allowed"]},
        "security": [],
    },
}
