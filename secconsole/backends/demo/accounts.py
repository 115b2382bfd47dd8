"""The accounts that a demo's sign-in screen offers, readable without importing a store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secconsole.config import locations
from secconsole.config.private import read_private
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret

if TYPE_CHECKING:
    from secconsole.delivery.inbox import Inbox

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account to sign in with.

    `totp_uri` is None for a user who has to bind a factor first.
    """

    login: str
    password: Secret[str]
    role: Role
    totp_uri: Secret[str] | None
    note: str


def demo_tenant() -> str:
    """Return the tenant of the demo accounts, or an empty string if this home is not a demo."""
    return str(_read().get("tenant", ""))


def demo_accounts() -> tuple[DemoAccount, ...]:
    """Return the accounts that the sign-in screen of a demo offers, none outside of demos."""
    return tuple(
        DemoAccount(
            login=account["login"],
            password=Secret(account["password"]),
            role=Role(account["role"]),
            totp_uri=Secret(account["totp_uri"]) if account["totp_uri"] else None,
            note=account["note"],
        )
        for account in _read().get("accounts", ())
    )


def demo_inbox() -> Inbox | None:
    """Return the inbox of a demo, or None if this home is not a demo."""
    if not (locations.data_home() / FILE).exists():
        return None
    from secconsole.delivery import inbox

    return inbox.Inbox(locations.data_home() / inbox.FILE)


def _read() -> dict[str, Any]:
    path = locations.data_home() / FILE
    content: dict[str, Any] = json.loads(read_private(path)) if path.exists() else {}
    return content
