"""What the OpenAPI document says of the few paths that are no operations: changes, health, readiness, metrics."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

WATCHING_TAG: Json = {"name": "watching", "description": "Notices of change, and how the server itself is doing."}


_A_CHANGE: Json = {"event": "change", "data": "{}"}
_EVENT: Json = {
    "description": "One event of the stream.",
    "type": "object",
    "required": ["event", "data"],
    "properties": {"event": {"const": "change"}, "data": {"const": "{}", "description": "Nothing so far."}},
}


def _text(example: str) -> Json:
    return {"text/plain": {"schema": {"type": "string"}, "examples": {"answer": {"value": example}}}}


#: each with `codes`: the codes of problems of its own, by status
WATCHING: dict[str, Json] = {
    "/v1/changes": {
        "operationId": "changes",
        "tags": ["watching"],
        "summary": "Follow changes",
        "description": "A stream of server-sent events: `event: change` after each change that anybody made. It says "
        "that something changed and never what; read again what you show. It begins with a comment, has another every "
        "15 seconds while nothing changes, and ends when the server stops or the session has ended.\n\n"
        "For everybody who is signed in. A token needs the scope `read`.",
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
        "tags": ["watching"],
        "summary": "Say that the process answers",
        "description": "For whoever starts it anew if it does not.",
        "responses": {"200": {"description": "It does.", "content": _text("ok\n")}},
        "codes": {},
        "security": [],
    },
    "/readyz": {
        "operationId": "readyz",
        "tags": ["watching"],
        "summary": "Say whether requests should be sent here",
        "description": "For whoever spreads requests over several servers.",
        "responses": {
            "200": {"description": "The store answers.", "content": _text("ready\n")},
            "503": {
                "description": "The store does not answer, or the server is about to stop.",
                "content": _text("the store does not answer\n"),
            },
        },
        "codes": {},
        "security": [],
    },
    "/metrics": {
        "operationId": "metrics",
        "tags": ["watching"],
        "summary": "Show counts and times, as Prometheus reads them",
        "description": "For this machine, and for the networks that the server was told.",
        "responses": {
            "200": {
                "description": "The figures since the start.",
                "content": _text('secconsole_requests_total{operation="who-am-i",status="200"} 12.0\n'),
            }
        },
        "codes": {403: ["not-allowed"]},
        "security": [],
    },
}
