"""Hints in a demo for proving an identity: passwords and codes that nobody else could know."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.tui.text.safe import safe

if TYPE_CHECKING:
    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.tui.console import Console
    from secconsole.tui.widgets.form import Form


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
    account = _own_account(app)
    if account is None:
        return []
    known = [safe(f"Demo: the password was created as: {account.password.reveal()}", "$key")] if password else []
    return [*known, *phone_words(account, app.clock()), safe("f2 fills it in.", "$key")]


def fill_proof(app: Console, form: Form, *, sent: bool = False) -> None:
    """Fill in what a form asks of the demo user signed in: password, and the code of the phone or the one `sent`.

    A code works once, so the second time it is the next one. Does nothing outside a demo.
    """
    account = _own_account(app)
    if account is None:
        return
    if "password" in form.values:
        form.set_value("password", account.password.reveal())
    if "code" in form.values and (code := _code_for(app, account, str(form.values["code"]), sent=sent)):
        form.set_value("code", code)
        form.focus_field("code")


def _code_for(app: Console, account: DemoAccount, typed: str, *, sent: bool) -> str:
    if sent:
        from secconsole.tui.demo.inbox import code_in

        message = app.post.newest_for(account.login) if app.post is not None else None
        return code_in(message).rpartition("-")[2] if message is not None else ""
    if account.totp_uri is None:
        return ""
    from secconsole.tui.demo.codes import code_of

    code, _ = code_of(account.totp_uri, app.clock())
    return code_of(account.totp_uri, app.clock(), 1)[0] if typed == code else code


def _own_account(app: Console) -> DemoAccount | None:
    """Return the demo account of the user signed in, or None outside a demo."""
    if not app.demo:
        return None
    from secconsole.backends.demo.accounts import demo_accounts

    return next((account for account in demo_accounts() if account.login == app.identity.login), None)


def post_words(app: Console, login: str) -> list[Content]:
    """Return the newest code sent to a demo user.

    Nothing outside a demo.
    """
    message = app.post.newest_for(login) if app.demo and app.post is not None else None
    if message is None:
        return []
    from secconsole.tui.demo.inbox import arrived_words

    return [arrived_words(message)]
