"""The accounts that a demo's sign-in screen offers. Apart from the filling, so that reading them loads no store."""

from __future__ import annotations

import json
from dataclasses import dataclass

from secconsole.config import locations
from secconsole.config.private import read_private
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account to sign in with; `totp_uri` is None for whoever has to bind first."""

    login: str
    password: Secret[str]
    role: Role
    totp_uri: Secret[str] | None
    note: str


def demo_accounts() -> tuple[DemoAccount, ...]:
    """The accounts that the sign-in screen of a demo offers; none unless this home is a demo's."""
    path = locations.data_home() / FILE
    if not path.exists():
        return ()
    content = json.loads(read_private(path))
    return tuple(
        DemoAccount(
            login=account["login"],
            password=Secret(account["password"]),
            role=Role(account["role"]),
            totp_uri=Secret(account["totp_uri"]) if account["totp_uri"] else None,
            note=account["note"],
        )
        for account in content["accounts"]
    )
