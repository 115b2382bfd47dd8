"""The inbox of a demo: mailboxes and phones of its invented people in one list."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from secconsole.delivery.inbox import InboxMessage
from secconsole.domain.model import FactorKind
from secconsole.tui.actions import Action
from secconsole.tui.demo.inbox import code_in, follow_post, summary_words
from secconsole.tui.screens.place import Place
from secconsole.tui.text.format import clock, moment, plural
from secconsole.tui.text.safe import join, lines, safe

NOTHING = lines(
    "Nothing has arrived yet.",
    "",
    "Mail and SMS of this demo arrive here and nowhere else: codes for signing in and for binding an",
    "address or number, tests of Settings, and notices. Sign in as emil or sofia, or enroll a user: 2, then e.",
)


class InboxList(OptionList):
    """Messages, newest first.

    On the first line the list follows new ones.
    """


class Inbox(Place):
    """A list, and the message under the cursor below it, or at the right where there is room."""

    NAME = "inbox"
    NUMBER = "8"
    TITLE = "Inbox"
    HELP_FILE = "inbox.md"
    CSS_PATH = "../styles/inbox.tcss"
    AUTO_FOCUS = "InboxList"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "inbox.newest",
            "Newest",
            "n",
            "Go back to the newest message and follow.",
            priority=0,
            command="secconsole demo --inbox",
        ),
        Action("inbox.down", "Text down", "space", "Scroll a message that does not fit.", priority=3),
    )

    def __init__(self) -> None:
        super().__init__()
        self._messages: tuple[InboxMessage, ...] = ()

    def compose_body(self) -> ComposeResult:
        yield Static(id="whose")
        with Container(id="post"):
            yield InboxList(compact=True)
            with VerticalScroll(id="message", can_focus=False):
                yield Static(id="about")
                yield Static(id="text")

    def on_mount(self) -> None:
        follow_post(self.app)
        if self.app.post is not None:
            self.app.post.arrived.subscribe(self, self._arrived)

    async def shown(self) -> None:
        self._show()

    def _arrived(self, message: InboxMessage) -> None:
        self._show()
        self.refresh_hints()

    @property
    def _list(self) -> InboxList:
        return self.query_one(InboxList)

    def _show(self) -> None:
        """Reload the list.

        The cursor stays on its message, or on the first line.
        """
        if self.app.post is None or not self.is_mounted:
            return
        at, before = self._list.highlighted or 0, self._messages
        kept = before[at].id if at and at < len(before) else ""
        self._messages = self.app.post.messages
        self._list.set_options([Option(self._row(message)) for message in self._messages])
        found = [index for index, message in enumerate(self._messages) if message.id == kept]
        self._list.highlighted = (found[0] if found else 0) if self._messages else None
        words = f"{plural(len(self._messages), 'message')}. Nothing leaves this machine."
        self.query_one("#whose", Static).update(join((words, "$muted")))
        self._read()

    def _row(self, message: InboxMessage) -> Content:
        kind = "SMS " if message.kind is FactorKind.SMS else "mail"
        when = f"{message.at.astimezone():%H:%M:%S}"
        return join(f"{when}  {kind}  {message.to[:28]:<28}  ", (summary_words(message), "bold"))

    def on_option_list_option_highlighted(self) -> None:
        self._read()

    def _read(self) -> None:
        """Show the message under the cursor as a phone or mail program would, with its code highlighted."""
        at = self._list.highlighted
        about, text = self.query_one("#about", Static), self.query_one("#text", Static)
        about.display = at is not None
        if at is None or at >= len(self._messages):
            text.update(NOTHING)
            return
        message = self._messages[at]
        whose = f", for {message.login}" if message.login else ", a test of settings"
        rows = [
            join(("To       ", "$muted"), (message.to, "bold"), whose),
            join(("Arrived  ", "$muted"), f"{clock(message.at)}, {moment(message.at, self.app.clock())}"),
        ]
        if message.subject:
            rows.append(join(("Subject  ", "$muted"), (message.subject, "bold")))
        about.update(lines(*rows))
        code = code_in(message)
        text.update(lines(*(_with_code(line, code) for line in message.text.reveal().splitlines())))
        self.query_one("#message").scroll_home(animate=False)

    def do_newest(self) -> None:
        if self._messages:
            self._list.highlighted = 0

    def do_down(self) -> None:
        card = self.query_one("#message")
        at_end = card.scroll_offset.y >= card.max_scroll_y
        if at_end:
            card.scroll_home(animate=False)
        else:
            card.scroll_page_down(animate=False)

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), bool(self._messages)

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        return "Nothing has arrived yet." if action.id.startswith("inbox.") and not self._messages else ""


def _with_code(line: str, code: str) -> Content:
    before, found, after = line.partition(code) if code else (line, "", "")
    return join(before, (found, "bold $key"), after) if found else safe(line)
