"""What a demo says to whoever has to prove who they are: nobody was told its passwords, and nobody has its phones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.tui.safe_text import safe

if TYPE_CHECKING:
    from secconsole.backends.demo_accounts import DemoAccount
    from secconsole.tui.app import SecConsole


def phone_words(account: DemoAccount, now: datetime) -> list[Content]:
    """What the account's phone shows at `now`, and next; nothing for whoever binds a phone of their own."""
    from secconsole.tui.widgets.demo_list import code_of, spaced

    if account.totp_uri is None:
        return []
    (code, ends), (following, _) = code_of(account.totp_uri, now), code_of(account.totp_uri, now, 1)
    words = f"Demo: the phone shows {spaced(code)} until {ends.astimezone():%H:%M:%S}, then {spaced(following)}."
    return [safe(words, "$key")]


def proof_words(app: SecConsole) -> list[Content]:
    """Password and code of whoever is signed in to a demo; nothing anywhere else."""
    if not app.demo:
        return []
    from secconsole.backends.demo_accounts import demo_accounts

    me = app.identity
    account = next((account for account in demo_accounts() if account.login == me.login), None)
    if account is None:
        return []
    return [
        safe(f"Demo: the password was made as: {account.password.reveal()}", "$key"),
        *phone_words(account, app.clock()),
    ]


def post_words(app: SecConsole, login: str) -> list[Content]:
    """The newest code that came for somebody in a demo's mailbox or phone; nothing anywhere else."""
    message = app.post.newest_for(login) if app.demo and app.post is not None else None
    if message is None:
        return []
    from secconsole.tui.demo_post import arrived_words

    return [arrived_words(message)]
