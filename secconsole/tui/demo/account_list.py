"""Accounts of a demo, one line and one key each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from secconsole.tui.demo.codes import code_of, spaced
from secconsole.tui.text.safe import join, lines, safe

if TYPE_CHECKING:
    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.delivery.inbox import InboxMessage
    from secconsole.tui.console import Console

TITLE = "DEMO: throw-away data, invented people"
SHORT_TITLE = "DEMO: invented people"


class DemoList(Widget):
    """Shows codes and their end as of the last `renew()`.

    It does not count seconds, so that an idle screen sends nothing. A code that arrives by mail or SMS is shown above
    the accounts, since nobody holds a demo's phone in hand.
    """

    class Picked(Message):
        """Posted when an account is chosen."""

        def __init__(self, account: DemoAccount) -> None:
            super().__init__()
            self.account = account

    def __init__(self, accounts: Sequence[DemoAccount]) -> None:
        super().__init__(classes="card")
        self.accounts = tuple(accounts)
        self._now: datetime | None = None  # the first frame leaves out codes, which would delay it
        self._arrived: InboxMessage | None = None
        self._until = ""
        self.border_title = safe(TITLE)
        self.border_subtitle = safe(f"1–{len(self.accounts)} sign in as one of them, while Login is empty")

    def renew(self, now: datetime) -> None:
        """Show the current codes."""
        from secconsole.domain.factors.totp import time_step

        if self._now is None:
            self._follow()
        if self._now is None or time_step(now.timestamp()) != time_step(self._now.timestamp()):
            self._now = now
            ends = [code_of(account.totp_uri, now)[1] for account in self.accounts if account.totp_uri is not None]
            if ends:
                self._until = f" · codes until {ends[0].astimezone():%H:%M:%S}"
            self._show_title()
            self.refresh()

    def on_resize(self) -> None:
        self._show_title()

    def _show_title(self) -> None:
        """Show that it is a demo, and how long the codes are valid, as far as there is room."""
        short = len(TITLE + self._until) > self.content_size.width > 0
        self.border_title = safe(f"{SHORT_TITLE if short else TITLE}{self._until}")

    def _follow(self) -> None:
        from secconsole.tui.demo.inbox import follow_post

        app = cast("Console", self.app)
        follow_post(app)
        if app.post is not None:
            app.post.arrived.subscribe(self, self._show_arrived)

    def _show_arrived(self, message: InboxMessage) -> None:
        self._arrived = message
        self.refresh(layout=True)

    def by_key(self, character: str | None) -> DemoAccount | None:
        """Return the account of a digit, if there is one."""
        at = "123456789".find(character) if character else -1
        return self.accounts[at] if 0 <= at < len(self.accounts) else None

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        row = at.y - (self._arrived is not None) if at is not None else -1
        if 0 <= row < len(self.accounts):
            self.post_message(self.Picked(self.accounts[row]))

    def render(self) -> Content:
        logins = max(len(account.login) for account in self.accounts)
        roles = max(len(account.role) for account in self.accounts)
        rows: list[Content] = []
        if self._arrived is not None:
            from secconsole.tui.demo.inbox import arrived_words

            rows.append(arrived_words(self._arrived))
        for number, account in enumerate(self.accounts, 1):
            code = ""
            if account.totp_uri is not None and self._now is not None:
                code, _ = code_of(account.totp_uri, self._now)
            rows.append(
                join(
                    (f"{number} ", "bold $key"),
                    (account.login.ljust(logins + 2), "bold"),
                    str(account.role).ljust(roles + 2),
                    (account.note.ljust(40), "$muted"),
                    (spaced(code) if code else "", "$muted"),
                )
            )
        return lines(*rows)
