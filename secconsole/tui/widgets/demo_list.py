"""The accounts of a demo, one line and one key each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from secconsole.tui.safe_text import join, lines, safe

if TYPE_CHECKING:
    from secconsole.backends.demo_accounts import DemoAccount
    from secconsole.domain.secret import Secret


def code_of(uri: Secret[str], now: datetime, later: int = 0) -> tuple[str, datetime]:
    """The code that an account's phone shows, now or some steps later, and until when it shows it."""
    from secconsole.domain.otpauth import parse_otpauth
    from secconsole.domain.totp import code_for_step, time_step

    key = parse_otpauth(uri)
    step = time_step(now.timestamp(), key.parameters.period) + later
    ends = datetime.fromtimestamp((step + 1) * key.parameters.period, UTC)
    return code_for_step(key.seed, step, key.parameters), ends


def spaced(code: str) -> str:
    """`492 031`, as phones show it."""
    return f"{code[: len(code) // 2]} {code[len(code) // 2 :]}"


class DemoList(Widget):
    """Shows codes that hold when it is drawn, and until when; `renew()` brings those of the moment.

    It does not count seconds: a screen that nobody touches sends nothing.
    """

    class Picked(Message):
        """An account was chosen."""

        def __init__(self, account: DemoAccount) -> None:
            super().__init__()
            self.account = account

    def __init__(self, accounts: Sequence[DemoAccount]) -> None:
        super().__init__(classes="card")
        self.accounts = tuple(accounts)
        self._now: datetime | None = None  # codes are left out of the first frame, which they would hold up
        self.border_title = safe("DEMO: throw-away data, invented people")
        self.border_subtitle = safe(f"1–{len(self.accounts)} sign in as one of them, while Login is empty")

    def renew(self, now: datetime) -> None:
        """Show the codes of this moment."""
        from secconsole.domain.totp import time_step

        if self._now is None or time_step(now.timestamp()) != time_step(self._now.timestamp()):
            self._now = now
            self.refresh()

    def by_key(self, character: str | None) -> DemoAccount | None:
        """The account of a digit, if it has one."""
        at = "123456789".find(character) if character else -1
        return self.accounts[at] if 0 <= at < len(self.accounts) else None

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is not None and at.y < len(self.accounts):
            self.post_message(self.Picked(self.accounts[at.y]))

    def render(self) -> Content:
        logins = max(len(account.login) for account in self.accounts)
        roles = max(len(account.role) for account in self.accounts)
        rows: list[Content] = []
        ends: datetime | None = None
        for number, account in enumerate(self.accounts, 1):
            code = ""
            if account.totp_uri is not None and self._now is not None:
                code, ends = code_of(account.totp_uri, self._now)
            rows.append(
                join(
                    (f"{number} ", "bold $key"),
                    (account.login.ljust(logins + 2), "bold"),
                    str(account.role).ljust(roles + 2),
                    (account.note.ljust(40), "$muted"),
                    (spaced(code) if code else "", "$muted"),
                )
            )
        words = f"codes until {ends.astimezone():%H:%M:%S}" if ends is not None else ""
        rows.append(safe(words.rjust(logins + roles + 53), "$muted"))
        return lines(*rows)
