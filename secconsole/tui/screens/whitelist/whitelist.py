"""The whitelist: users who need no second factor, with reason, start, end and author."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import fields, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from secconsole.operations.paging import pages
from secconsole.operations.whitelist import AddToWhitelist, Exemption, ListWhitelist, RemoveFromWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.screens.choose_columns import columns_action
from secconsole.tui.screens.list_export import export_list
from secconsole.tui.screens.named_filters import named_filters_action
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.whitelist import dialogs
from secconsole.tui.screens.whitelist.add import AddDialog
from secconsole.tui.screens.whitelist.paste import paste_many
from secconsole.tui.screens.whitelist.text import COLUMNS, WhitelistRows, about, found_words
from secconsole.tui.text.format import count
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.filter_bar import FilterBar
from secconsole.tui.widgets.paged_rows import PagedRows, RowPage
from secconsole.tui.widgets.prose import Prose
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.table_messages import LoadFailed

_EMPTY = "The whitelist is empty. a adds users."


EXPORTED = tuple(field.name for field in fields(Exemption))


class Whitelist(Place):
    """A table of entries.

    Actions apply to the marked ones, or to the one under the cursor.
    """

    NAME = "whitelist"
    TITLE = "Whitelist"
    NUMBER = "3"
    HELP_FILE = "whitelist.md"
    CSS_PATH = "../../styles/whitelist.tcss"
    AUTO_FOCUS = "WindowedTable"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "whitelist.add",
            "Add",
            "a",
            "Find users and add them to the whitelist.",
            AddToWhitelist,
            priority=0,
            command="secconsole whitelist add LOGIN --reason TEXT --until DATE",
        ),
        Action(
            "whitelist.paste",
            "Paste",
            "p",
            "Add many users by pasting their logins or e-mail addresses.",
            AddToWhitelist,
            priority=2,
            command="secconsole whitelist import FILE --reason TEXT",
        ),
        Action(
            "whitelist.edit",
            "Edit",
            "e,enter",
            "Change reason and end of an entry.",
            AddToWhitelist,
            priority=1,
            command="secconsole whitelist add LOGIN --reason TEXT --until DATE",
            acts_on="one",
        ),
        Action(
            "whitelist.remove",
            "Remove",
            "d,delete",
            "Remove the marked users from the whitelist.",
            RemoveFromWhitelist,
            dangerous=True,
            priority=1,
            command="secconsole whitelist remove LOGIN",
            acts_on="marked",
        ),
        Action(
            "whitelist.mark",
            "Mark",
            "space",
            "Mark several entries to remove them together.",
            priority=4,
            acts_on="one",
        ),
        Action(
            "whitelist.export",
            "Export",
            "E",
            "Write the entries found to a CSV or JSON file that only you can read.",
            ListWhitelist,
            priority=9,
            command="secconsole whitelist list --format csv > FILE",
        ),
        columns_action("whitelist"),
        named_filters_action("whitelist"),
        Action(
            "whitelist.clear",
            "Clear",
            "escape",
            "Unmark all entries; if none is marked, show all entries again.",
            priority=9,
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Exemption] = {}
        self._search = ""
        self._source = PagedRows(self._fetch)

    def compose_body(self) -> ComposeResult:
        bar = FilterBar("Search login, name and reason: /", self.view.search)
        self._search = bar.text
        yield bar
        yield WindowedTable(COLUMNS, self._source, chosen=self.view.columns, empty=_EMPTY)
        yield Prose(id="entry")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._reread())

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    async def search_for(self, text: str) -> None:
        """Put text into the search line."""
        self.bar.text = text

    def set_search(self, text: str) -> None:
        """Replace the search, as other places do."""
        self.bar.text = text
        self.table.focus()

    @property
    def entry(self) -> Exemption | None:
        """The entry under the cursor."""
        return self._entries.get(self.table.cursor_key or "")

    def chosen(self) -> list[Exemption]:
        """Return the marked entries, or the one under the cursor."""
        keys = sorted(self.table.marks) or [self.table.cursor_key or ""]
        return [self._entries[key] for key in keys if key in self._entries]

    def subject(self) -> object:
        return tuple(entry.user for entry in self.chosen())

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def _fetch(self, cursor: str | None, limit: int, search: str | None = None) -> RowPage:
        wanted = self._search if search is None else search
        page = await self.app.perform(ListWhitelist(tenant=self.app.tenant, search=wanted, limit=limit, cursor=cursor))
        rows = WhitelistRows(self.app.theme_variables, self.app.clock(), utf8=self.app.terminal.utf8)
        self._entries |= {entry.user: entry for entry in page.items}
        return RowPage([rows(entry) for entry in page.items], page.next)

    async def on_live_change(self) -> None:
        self._reread()

    def _reread(self) -> None:
        self._source.forget()
        self.table.refresh_rows()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        search = self._search = event.text
        self.view = replace(self.view, search=search)

        async def fetch(cursor: str | None, limit: int) -> RowPage:
            return await self._fetch(cursor, limit, search)

        self._source = PagedRows(fetch)
        self.table.set_empty("No entries match. Esc in the search line clears it." if search else _EMPTY)
        self.table.set_source(self._source)

    def on_filter_bar_left(self) -> None:
        self.table.focus()

    def on_windowed_table_rows_loaded(self) -> None:
        self._update_details()

    def on_windowed_table_load_failed(self, event: LoadFailed) -> None:
        self.app.reading_failed(event.error)

    def on_windowed_table_cursor_moved(self) -> None:
        self.when_rested(self._update_details)

    def on_windowed_table_marks_changed(self) -> None:
        self._update_details()

    def on_windowed_table_row_activated(self) -> None:
        self.action_act("whitelist.edit")

    def _update_details(self) -> None:
        if not self.is_here:
            return
        entry = self.entry
        self.query_one("#entry", Static).update(about(entry, self.app.clock()) if entry else safe(""))
        marked = f"{count(len(self.table.marks))} marked · " if self.table.marks else ""
        found = "" if self.table.unread else found_words(self._source.total, self._search)
        self.query_one(FilterBar).show_info(marked + found)
        self.refresh_hints()

    # ---- keys ------------------------------------------------------------------------------------------------------

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), bool(self.chosen())

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        if action.acts_on != "none" and not self.chosen():
            return "There is no entry here. a adds users to the whitelist."
        return ""

    async def do_search(self) -> None:
        self.query_one(FilterBar).focus()

    def do_mark(self) -> None:
        self.table.action_mark()

    def do_clear(self) -> None:
        if self.table.marks:
            self.table.clear_marks()
        else:
            self.query_one(FilterBar).text = ""

    def only_for(self, action: Action) -> str:
        entry = self.entry
        return entry.login if self.table.marks and action.id == "whitelist.edit" and entry is not None else ""

    async def do_export(self) -> None:
        search = self._search

        async def found() -> AsyncIterator[Sequence[Exemption]]:
            query = ListWhitelist(tenant=self.app.tenant, search=search)
            async for page in pages(lambda at, size: self.app.perform(replace(query, cursor=at, limit=size))):
                yield page.items

        what = "The entries found, by login." if search else "All entries, by login."
        await export_list(self, "Export the whitelist", what, "whitelist", EXPORTED, found)

    async def do_add(self) -> None:
        self._notify_done(await self.app.ask(AddDialog(self.app)))

    async def do_paste(self) -> None:
        self._notify_done(await paste_many(self.app))

    async def do_edit(self) -> None:
        if entry := self.entry:
            self._notify_done(await self.app.ask(dialogs.EditDialog(entry, self.app.clock)))

    async def do_remove(self) -> None:
        done = await self.app.ask(dialogs.RemoveDialog(self.chosen()))
        if done:
            self.table.clear_marks()
        self._notify_done(done)

    def _notify_done(self, done: str | None) -> None:
        if done:
            self.app.notify_done(done)
            self.app.live.note_reloaded()
            self._reread()
