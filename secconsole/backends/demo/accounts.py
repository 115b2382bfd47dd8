"""The accounts that a demo's sign-in screen offers. Apart from the filling, so that reading them loads no store."""

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
    """An account to sign in with; `totp_uri` is None for whoever has to bind first."""

    login: str
    password: Secret[str]
    role: Role
    totp_uri: Secret[str] | None
    note: str


def demo_tenant() -> str:
    """The tenant those accounts belong to; empty unless this home is a demo's."""
    return str(_read().get("tenant", ""))


def demo_accounts() -> tuple[DemoAccount, ...]:
    """The accounts that the sign-in screen of a demo offers; none unless this home is a demo's."""
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
    """The mailbox and phone of a demo; None unless this home is a demo's."""
    if not (locations.data_home() / FILE).exists():
        return None
    from secconsole.delivery import inbox

    return inbox.Inbox(locations.data_home() / inbox.FILE)


def _read() -> dict[str, Any]:
    path = locations.data_home() / FILE
    content: dict[str, Any] = json.loads(read_private(path)) if path.exists() else {}
    return content
