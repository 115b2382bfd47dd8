"""Signatures of webhooks by https://www.standardwebhooks.com, version 1: HMAC-SHA-256 with a shared secret."""

from __future__ import annotations

import base64
import binascii
import hmac

from secconsole.domain.secret import Secret

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_of(key: Secret[bytes]) -> Secret[str]:
    """Return a key as receivers configure it."""
    return Secret(PREFIX + base64.b64encode(key.reveal()).decode())


def signature(secret: Secret[str], id: str, seconds: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`, or raise `ValueError` for a malformed secret."""
    try:
        key = base64.b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a secret of a webhook") from None
    digest = hmac.digest(key, f"{id}.{seconds}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()
