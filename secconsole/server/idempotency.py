"""The `Idempotency-Key` header, and the one that says that a reply was given before."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from secconsole.domain.errors import Invalid
from secconsole.operations.base import Spec
from secconsole.operations.caller import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAY = "idempotent-replay"
_KEY = r"[!-~]{1,64}"

_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "A name for this request that you use for no other. Sent again with it within a day, by the same caller, the "
        f"request gets the same reply (marked `{REPLAY}: true`) and nothing is done twice. A reply with a secret in it "
        "is given for ten minutes; then you learn that it was done (409, `reply-gone`)."
    ),
    "schema": {"type": "string", "pattern": f"^{_KEY}$", "minLength": 1, "maxLength": 64},
}


def key_of(request: Request, spec: Spec) -> IdempotencyKey | None:
    """The key of a request that writes; raises `Invalid` if there is one that is none."""
    given = request.headers.getlist(HEADER) if spec.writes else []
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(_KEY, given[0]):
        raise Invalid(f"{HEADER} must be given once, as 1 to 64 visible ASCII characters.", HEADER)
    return IdempotencyKey(given[0])


def headers_for(key: IdempotencyKey | None) -> dict[str, str]:
    return {REPLAY: "true"} if key is not None and key.replayed else {}


def parameters(spec: Spec) -> list[dict[str, Any]]:
    """What the OpenAPI document says of the header."""
    return [_PARAMETER] if spec.writes else []
