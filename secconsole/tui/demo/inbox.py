"""Announcements of messages that arrive in a demo, whose mailboxes and phones nobody holds in hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from textual.content import Content
from textual.signal import Signal

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import FactorKind
from secconsole.domain.text import visible
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.form import Form

if TYPE_CHECKING:
    from textual.screen import Screen

    from secconsole.delivery.inbox import Inbox, InboxMessage
    from secconsole.tui.console import Console

LOOK_EVERY: Final = 0.4  # seconds; checks time and size of the file, and draws nothing while they stay the same
STAYS: Final = 40.0  # seconds that a code is shown: time to read and type it
MOST_TOLD: Final = 3  # codes at a time
TOASTS: Final = 4  # lines at the bottom that a code may cover
_COUNTED = "{} in the demo's inbox: press 8."
_CODE = re.compile(r"\b[A-Z]{4}-[0-9]{6}\b")


class DemoPost:
    """Watches the inbox for one console, from the first sign-in screen of a demo on."""

    def __init__(self, app: Console, inbox: Inbox) -> None:
        self._app, self._inbox = app, inbox
        self._stamp = inbox.stamp()
        self.messages = self._read()
        self.arrived: Signal[InboxMessage] = Signal(app, "demo post")  # handled once each, oldest first
        self._announced: list[tuple[Screen[Any], str]] = []  # codes, and the screens that they were shown over
        app.set_interval(LOOK_EVERY, self._look)
        app.screen_change_signal.subscribe(app, self._remove_outdated)

    def newest_for(self, login: str) -> InboxMessage | None:
        """Return the newest message with a code for a user, valid or not."""
        return next((message for message in self.messages if message.login == login and code_in(message)), None)

    def _look(self) -> None:
        stamp = self._inbox.stamp()
        if stamp == self._stamp or not self._app.demo:
            return
        self._stamp = stamp
        known = {message.id for message in self.messages}
        self.messages = self._read()
        new = [message for message in reversed(self.messages) if message.id not in known]
        for message in new:
            self.arrived.publish(message)
        self._announce(new)

    def _read(self) -> tuple[InboxMessage, ...]:
        try:
            return self._inbox.messages()
        except (SecconsoleError, OSError):
            return ()  # the delivery worker could not write there either, and reports it with the messages

    def _announce(self, new: list[InboxMessage]) -> None:
        """Notify codes one by one, since someone waits for each, and other messages as a number.

        Nothing is shown if it is in sight anyway, or if the dialog on top does not wait for it.
        """
        screen = self._app.screen
        if screen.query("DemoList, InboxList"):
            return
        screen.set_class(_covered_by_toasts(screen), "-toasts-high")
        coded = [message for message in new if code_in(message)]
        for message in coded[-MOST_TOLD:]:
            self._announced.append((screen, code_in(message)))
            self._app.notify(code_in(message), title=f"Demo: {sent_words(message)}", timeout=STAYS)
        others = [message for message in new if not code_in(message)]
        if others and self._app.signed_in and self._app.places.here is not None:
            self._app.notify(_COUNTED.format(plural(len(others), "message")), timeout=5)
        elif others and screen.query("QrCode"):  # the key being bound, mailed on request
            self._app.notify(others[-1].subject, title=f"Demo: {sent_words(others[-1])}", timeout=8)

    def _remove_outdated(self, _: Screen[Any]) -> None:
        """Remove codes shown over a screen that is gone: they would cover the next one."""
        gone = {code for screen, code in self._announced if screen not in self._app.screen_stack}
        if gone:
            self._announced = [(screen, code) for screen, code in self._announced if code not in gone]
            for notification in [one for one in self._app._notifications if one.message in gone]:
                self._app._unnotify(notification)


def _covered_by_toasts(screen: Screen[Any]) -> bool:
    """Return True if the focused field is where toasts are drawn."""
    at = screen.focused
    return isinstance(at, Form) and at.region.bottom > screen.size.height - TOASTS


def follow_post(app: Console) -> None:
    """Watch the inbox of a demo, unless it is being watched already."""
    if app.post is None:
        from secconsole.backends.demo.accounts import demo_inbox

        inbox = demo_inbox()
        if inbox is not None:
            app.post = DemoPost(app, inbox)


def code_in(message: InboxMessage) -> str:
    """Return the code in a message, with its prefix.

    Empty if there is none.
    """
    found = _CODE.search(message.text.reveal())
    return found[0] if found else ""


def arrived_words(message: InboxMessage) -> Content:
    """Return a message in one line: its address, and its code or subject."""
    summary = summary_words(message)
    return join((f"{message.at.astimezone():%H:%M:%S} ", "$muted"), f"{sent_words(message)}  ", (summary, "bold $key"))


def summary_words(message: InboxMessage) -> str:
    """Return a message in short: its code, else its subject or its beginning."""
    return code_in(message) or message.subject or message.text.reveal().partition("\n")[0]


def sent_words(message: InboxMessage) -> str:
    """Return where a message went, as a phone lists it: `SMS to +49 171 3920017`."""
    kind = "SMS" if message.kind is FactorKind.SMS else "mail"
    return f"{kind} to {visible(message.to)}"
