"""Codes shown by the phones of a demo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secconsole.domain.secret import Secret


def code_of(uri: Secret[str], now: datetime, later: int = 0) -> tuple[str, datetime]:
    """Return the code of an account's app, now or `later` steps on, and the moment it ends."""
    from secconsole.domain.factors.otpauth import parse_otpauth
    from secconsole.domain.factors.totp import code_for_step, time_step

    key = parse_otpauth(uri)
    step = time_step(now.timestamp(), key.parameters.period) + later
    ends = datetime.fromtimestamp((step + 1) * key.parameters.period, UTC)
    return code_for_step(key.seed, step, key.parameters), ends


def spaced(code: str) -> str:
    """Return a code as phones show it: `492 031`."""
    return f"{code[: len(code) // 2]} {code[len(code) // 2 :]}"
