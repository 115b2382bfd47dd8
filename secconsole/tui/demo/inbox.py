"""What arrives in a demo's mailbox and phone, told wherever somebody is at work: nobody holds that phone in hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from textual.content import Content
from textual.signal import Signal

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import FactorKind
from secconsole.domain.text import visible
from secconsole.tui.safe_text import join
from secconsole.tui.widgets.form import Form
from secconsole.tui.words import plural

if TYPE_CHECKING:
    from textual.screen import Screen

    from secconsole.delivery.inbox import Inbox, InboxMessage
    from secconsole.tui.app import SecConsole

LOOK_EVERY: Final = 0.4  # seconds; a look at the file's time and size, and nothing is drawn while they stay
STAYS: Final = 40.0  # seconds that a code is told: time to read it, and to type it
MOST_TOLD: Final = 3  # codes at a time
TOASTS: Final = 4  # lines at the bottom that a code may take
_COUNTED = "{} in the demo's inbox: press 8."
_CODE = re.compile(r"\b[A-Z]{4}-[0-9]{6}\b")


class DemoPost:
    """Looks into the inbox for one console, from the first sign-in screen of a demo on."""

    def __init__(self, app: SecConsole, inbox: Inbox) -> None:
        self._app, self._inbox = app, inbox
        self._stamp = inbox.stamp()
        self.messages = self._read()
        self.arrived: Signal[InboxMessage] = Signal(app, "demo post")  # once for each, the oldest first
        self._told: list[tuple[Screen[Any], str]] = []  # codes, and the screens that they were told over
        app.set_interval(LOOK_EVERY, self._look)
        app.screen_change_signal.subscribe(app, self._untell)

    def newest_for(self, login: str) -> InboxMessage | None:
        """The newest message with a code for somebody, whether it still holds or not."""
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
        self._tell(new)

    def _read(self) -> tuple[InboxMessage, ...]:
        try:
            return self._inbox.messages()
        except (SecconsoleError, OSError):
            return ()  # the courier could not write there either, and says so where messages are listed

    def _tell(self, new: list[InboxMessage]) -> None:
        """Codes one by one, since each is waited for, and all else as a number; neither where it is in sight anyway.

        Over a dialog nobody is told of what they do not wait for.
        """
        screen = self._app.screen
        if screen.query("DemoList, InboxList"):
            return
        screen.set_class(_types_low(screen), "-toasts-high")
        coded = [message for message in new if code_in(message)]
        for message in coded[-MOST_TOLD:]:
            self._told.append((screen, code_in(message)))
            self._app.notify(code_in(message), title=f"Demo: {sent_words(message)}", timeout=STAYS)
        others = [message for message in new if not code_in(message)]
        if others and self._app.signed_in and self._app.places.here is not None:
            self._app.notify(_COUNTED.format(plural(len(others), "message")), timeout=5)
        elif others and screen.query("QrCode"):  # the key that is being bound, mailed on request
            self._app.notify(others[-1].subject, title=f"Demo: {sent_words(others[-1])}", timeout=8)

    def _untell(self, _: Screen[Any]) -> None:
        """Take away codes that were told over what is gone: they would only cover what comes next."""
        gone = {code for screen, code in self._told if screen not in self._app.screen_stack}
        if gone:
            self._told = [(screen, code) for screen, code in self._told if code not in gone]
            for notification in [one for one in self._app._notifications if one.message in gone]:
                self._app._unnotify(notification)


def _types_low(screen: Screen[Any]) -> bool:
    """Whether what is being typed stands where toasts do."""
    at = screen.focused
    return isinstance(at, Form) and at.region.bottom > screen.size.height - TOASTS


def follow_post(app: SecConsole) -> None:
    """Begin to look into the inbox of a demo, if that has not begun yet."""
    if app.post is None:
        from secconsole.backends.demo_accounts import demo_inbox

        inbox = demo_inbox()
        if inbox is not None:
            app.post = DemoPost(app, inbox)


def code_in(message: InboxMessage) -> str:
    """The code in a message, with its letters; empty if there is none."""
    found = _CODE.search(message.text.reveal())
    return found[0] if found else ""


def arrived_words(message: InboxMessage) -> Content:
    """A message in one line: where it went, and its code or what it is about."""
    said = summary_words(message)
    return join((f"{message.at.astimezone():%H:%M:%S} ", "$muted"), f"{sent_words(message)}  ", (said, "bold $key"))


def summary_words(message: InboxMessage) -> str:
    """What a message is there for, in few words: its code, else its subject or how it begins."""
    return code_in(message) or message.subject or message.text.reveal().partition("\n")[0]


def sent_words(message: InboxMessage) -> str:
    """`SMS to +49 171 3920017`, as a phone's list says it."""
    kind = "SMS" if message.kind is FactorKind.SMS else "mail"
    return f"{kind} to {visible(message.to)}"
