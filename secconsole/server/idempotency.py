"""The `Idempotency-Key` header, and the header that marks a replayed reply."""

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
        "A unique name for this request. If the same caller sends it again with this name within a day, the "
        f"request gets the same reply (marked `{REPLAY}: true`) and nothing is done twice. A reply with a secret in it "
        "is available for ten minutes. After that the answer is that it was done (409, `reply-gone`)."
    ),
    "schema": {"type": "string", "pattern": f"^{_KEY}$", "minLength": 1, "maxLength": 64},
    "example": "0b6f2c1e-6d0a-4c8e-9a53-7d1f4e2b8a90",
}


def key_of(request: Request, spec: Spec) -> IdempotencyKey | None:
    """Return the key of a request that writes, or raise `Invalid` if it is malformed."""
    given = request.headers.getlist(HEADER) if spec.writes else []
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(_KEY, given[0]):
        raise Invalid(f"{HEADER} must be sent once, with 1 to 64 visible ASCII characters.", HEADER)
    return IdempotencyKey(given[0])


def headers_for(key: IdempotencyKey | None) -> dict[str, str]:
    return {REPLAY: "true"} if key is not None and key.replayed else {}


def parameters(spec: Spec) -> list[dict[str, Any]]:
    """Return the header's parameter in the OpenAPI document."""
    return [_PARAMETER] if spec.writes else []
