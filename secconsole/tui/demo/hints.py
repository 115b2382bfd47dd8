"""Hints in a demo for proving an identity: passwords and codes that nobody else could know."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.tui.text.safe import safe

if TYPE_CHECKING:
    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.tui.console import Console


def phone_words(account: DemoAccount, now: datetime) -> list[Content]:
    """Return the codes that the account's phone shows, now and next.

    None for a phone that the user bound.
    """
    from secconsole.tui.demo.codes import code_of, spaced

    if account.totp_uri is None:
        return []
    (code, ends), (following, _) = code_of(account.totp_uri, now), code_of(account.totp_uri, now, 1)
    words = f"Demo: the phone shows {spaced(code)} until {ends.astimezone():%H:%M:%S}, then {spaced(following)}."
    return [safe(words, "$key")]


def proof_words(app: Console, *, password: bool = True) -> list[Content]:
    """Return password and code of the demo user signed in, or only the code.

    Nothing outside a demo.
    """
    if not app.demo:
        return []
    from secconsole.backends.demo.accounts import demo_accounts

    me = app.identity
    account = next((account for account in demo_accounts() if account.login == me.login), None)
    if account is None:
        return []
    known = [safe(f"Demo: the password was created as: {account.password.reveal()}", "$key")] if password else []
    return [*known, *phone_words(account, app.clock())]


def post_words(app: Console, login: str) -> list[Content]:
    """Return the newest code sent to a demo user.

    Nothing outside a demo.
    """
    message = app.post.newest_for(login) if app.demo and app.post is not None else None
    if message is None:
        return []
    from secconsole.tui.demo.inbox import arrived_words

    return [arrived_words(message)]
