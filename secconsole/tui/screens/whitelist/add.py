"""Finding users by typing, and adding the marked ones to the whitelist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from secconsole.config.dates import parse_until
from secconsole.domain.errors import Invalid
from secconsole.domain.model import Flag
from secconsole.domain.users.search import parse_search
from secconsole.operations.users import UserRow
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.whitelist.dialogs import changed_words, reason_and_until
from secconsole.tui.text.format import count, status_words
from secconsole.tui.text.safe import join, safe
from secconsole.tui.widgets.filter_bar import FilterBar
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.table import Column, WindowedTable
from secconsole.tui.widgets.table_messages import MarksChanged
from secconsole.tui.widgets.user_source import UserQuery, UserSource

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_COLUMNS = (
    Column("login", "Login", 18, min_width=12, grow=14),
    Column("name", "Name", 20, min_width=10, priority=1, grow=10),
    Column("state", "State", 12),
    Column("role", "Role", 14, priority=2),
)
NAMED = 4


class LeavingForm(Form):
    """A form whose focus can leave it, up from its first field and on from its last button."""

    def _navigate(self, key: str) -> bool:
        if key in ("up", "shift+tab") and self._stop == 0:
            self.screen.focus_previous()
            return True
        if key == "tab" and self._stop == len(self._stops) - 1:
            self.focus_field("reason")
            self.screen.focus_next()
            return True
        return super()._navigate(key)


class FoundTable(WindowedTable):
    """Users found.

    Typing over them starts the next search, even letters that move the cursor in other tables.
    """

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None and event.key != "space":
            event.stop()
            event.prevent_default()
            bar = self.screen.query_one(FilterBar)
            self.screen.set_focus(bar)
            bar.text = event.character


class AddDialog(SubmitDialog["str | None"]):
    """A search line, the users found, and the two fields of an entry."""

    DEFAULT_CSS = """
    AddDialog WindowedTable { height: 8; }
    AddDialog #marked { height: 1; margin-bottom: 1; }
    """

    def __init__(self, app: Console) -> None:
        buttons = [cancel(), Button("add", "Add to the whitelist")]
        super().__init__("Add to the whitelist", "", reason_and_until(), buttons)
        self.form = LeavingForm(reason_and_until(), buttons, focus="reason")
        self._perform, self._tenant, self._utf8 = app.perform, app.tenant, app.terminal.utf8
        self._marked: dict[str, UserRow] = {}
        self._source = self._search("")

    def compose_body(self) -> ComposeResult:
        yield FilterBar("part of login, name, address or phone")
        yield FoundTable(_COLUMNS, self._source, empty="No users match.")
        yield Static(id="marked")

    def on_mount(self) -> None:
        self.query_one(FilterBar).focus()
        self._update_marked()

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    def _search(self, text: str) -> UserSource:
        query = UserQuery(parse_search(text)[0])
        return UserSource(self._perform, self._tenant, query, self._row)

    def _row(self, user: UserRow) -> Row:
        glyph, word = status_words(user.status, utf8=self._utf8)
        state = "listed" if Flag.WHITELISTED in user.flags else f"{glyph} {word}"
        return Row(user.id, (user.login, user.name, state, str(user.role)))

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self._source = self._search(event.text)
        self.table.set_source(self._source, keep_cursor=False)

    def on_filter_bar_left(self) -> None:
        self.table.focus()

    def on_windowed_table_row_activated(self) -> None:
        self.table.action_mark()

    def on_windowed_table_marks_changed(self, event: MarksChanged) -> None:
        """Unmark users who are on the whitelist already: their entry has its own reason and end."""
        for key in event.marks - set(self._marked):
            if person := self._source.person(key):
                self._marked[key] = person
        refused = {key for key in event.marks if self._is_listed(key)}
        for key in set(self._marked) - event.marks | refused:
            self._marked.pop(key, None)
        if refused:
            self.table.set_marks(event.marks - refused)
            self.app.notify_refused("Already on the whitelist: use e there to change the entry.")
        self._update_marked()

    def _is_listed(self, key: str) -> bool:
        person = self._marked.get(key)
        return person is not None and Flag.WHITELISTED in person.flags

    def _update_marked(self) -> None:
        people = list(self._marked.values())
        self.form.more_typed = bool(people)
        names = ", ".join(person.login for person in people[:NAMED])
        more = f" and {count(len(people) - NAMED)} more" if len(people) > NAMED else ""
        none = "Type to find; enter, space marks one; tab goes on."
        words = join((f"{count(len(people))} marked: ", "bold"), names, more) if people else safe(none, "$muted")
        self.query_one("#marked", Static).update(words)

    async def submit(self, button: str, values: Values) -> str:
        if not self._marked:
            self.table.focus()
            raise Invalid("No user is marked. Space marks the one under the cursor.")
        done = await self.app.perform(
            AddToWhitelist(
                tenant=self._tenant,
                users=tuple(self._marked),
                reason=str(values["reason"]),
                until=parse_until(str(values["until"]), self.app.clock()),
                only_new=True,
            )
        )
        return changed_words(done)
