"""The list of the users place: find, filter, sort, mark, and show the user under the cursor."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.users.search import EVERYBODY, parse_search
from secconsole.operations.users import ShowUser, UserCount, UserDetail, UserRow
from secconsole.tui.runtime.key_queue import KeyHold
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.users.filtering import FilterMenu, with_token
from secconsole.tui.screens.users.user_table import COLUMNS, HIGHEST_FIRST, SORTS, UserRows, found_words, nobody_words
from secconsole.tui.text.format import clock
from secconsole.tui.widgets.filter_bar import FilterBar
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.table_messages import HeaderClicked, LoadFailed
from secconsole.tui.widgets.user_detail import UserPane, UserStrip
from secconsole.tui.widgets.user_source import UserQuery, UserSource

SEARCH_PAUSE = 0.07  # seconds between two searches while the user types
SLOW = 0.15  # seconds after which data of the row is shown in place of details that are still loading
MOST_MARKED = 10_000  # rows that one key can mark

_HINT = "part of a name, status:unbound, is:locked, role:helpdesk"
_EMPTY = "There are no users yet. n creates one; P imports many."


class UserList(Place):
    """Base of the users place with table, search line and details.

    The subclass adds the actions.
    """

    CSS_PATH: ClassVar[Path] = Path(__file__).parents[2] / "styles" / "users.tcss"
    AUTO_FOCUS = "WindowedTable"
    REST: ClassVar[float] = 0.12  # longer than elsewhere, since details are fetched then

    def __init__(self) -> None:
        super().__init__()
        self.detail: UserDetail | None = None
        self._query = UserQuery()
        self._problems: list[str] = []
        self._searching: Timer | None = None
        self._search_again = False
        self._slow: Timer | None = None
        self._wanted = 0
        self._arrived = asyncio.Event()
        self._loaded_at: datetime | None = None
        self._out_of_date = False

    # ---- composition -----------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        view = self.view
        bar = FilterBar(_HINT, view.search)
        wanted, self._problems = parse_search(bar.text)
        by = view.sort if view.sort in SORTS else "login"
        self._query = UserQuery(wanted, SORTS[by], view.descending and by == view.sort)
        self._source = self._new_source()
        yield bar
        with Horizontal(id="users"):
            yield WindowedTable(COLUMNS, self._source, chosen=view.columns, empty=_EMPTY)
            yield UserPane()
        yield UserStrip()

    def on_mount(self) -> None:
        self.table.set_sort(self._sorted_by, descending=self._query.descending)
        self._set_empty()
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._dress())

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    @property
    def source(self) -> UserSource:
        """The users found, in their order."""
        return self._source

    @property
    def person(self) -> UserRow | None:
        """The user under the cursor.

        None while that row is not loaded, or in an empty list.
        """
        return self._source.person(self.table.cursor_key)

    def chosen(self) -> tuple[str, ...]:
        """Ids of all marked users, or of the one under the cursor if none is marked."""
        if self.table.marks:
            return tuple(sorted(self.table.marks))
        return (self.table.cursor_key,) if self.table.cursor_key is not None else ()

    def _new_source(self) -> UserSource:
        rows = UserRows(self.app.theme_variables, self.app.clock, utf8=self.app.terminal.utf8)
        return UserSource(self.app.perform, self.app.tenant, self._query, rows, self._counted)

    def _dress(self) -> None:
        """Rebuild the rows in the colours of a new theme."""
        self._source.present = UserRows(self.app.theme_variables, self.app.clock, utf8=self.app.terminal.utf8)
        self.table.refresh_rows()
        self._show_detail()

    def action_act(self, id: str) -> None:
        """Clear the message of the previous key first, which would cover a dialog."""
        self.app.clear_notifications()
        super().action_act(id)

    # ---- search, filter, sort --------------------------------------------------------------------------------------

    async def do_search(self) -> None:
        self.bar.focus()

    def set_search(self, text: str) -> None:
        """Replace the search, as other places do."""
        self.bar.text = text
        self.on_filter_bar_left()

    async def go_to_user(self, id: str) -> None:
        """Move the cursor to a user among those that the search finds."""
        self._search()
        await self._arrived.wait()
        if (at := await self._source.index_of(id)) is not None:
            self.table.move_to(at)

    def on_filter_bar_left(self) -> None:
        """Hold keys typed ahead: they are meant for the results, not for the list still in sight."""
        self.table.focus()
        if self._search_again:
            self._search_again = False
            self._search()
        self.run_worker(self._hold_until_shown(self.app.hold_keys()), group="search", exit_on_error=False)

    async def _hold_until_shown(self, hold: KeyHold) -> None:
        async with hold:
            await self._arrived.wait()

    def on_filter_bar_changed(self) -> None:
        """Search at once, and again after a pause if the text changed meanwhile."""
        if self._searching is not None:
            self._search_again = True
        else:
            self._searching = self.set_timer(SEARCH_PAUSE, self._search_paused)
            self._search()

    def _search_paused(self) -> None:
        self._searching = None
        if self._search_again:
            self._search_again = False
            self.on_filter_bar_changed()

    def _search(self) -> None:
        wanted, self._problems = parse_search(self.bar.text)
        if wanted != self._query.filter:
            self._show(UserQuery(wanted, self._query.sort, self._query.descending), keep=wanted == EVERYBODY)
        self._update_info()

    def _show(self, query: UserQuery, *, keep: bool) -> None:
        self._query = query
        self._source = self._new_source()
        self._arrived.clear()
        self._set_empty()
        self.view = replace(self.view, search=self.bar.text, sort=self._sorted_by, descending=query.descending)
        self.table.set_source(self._source, keep_cursor=keep)

    def _set_empty(self) -> None:
        self.table.set_empty(_EMPTY if self._query.filter == EVERYBODY else nobody_words(self.bar.text))

    async def do_filter(self) -> None:
        pick = await self.app.ask(FilterMenu(self.bar.text))
        if pick is not None:
            await self.search_for(with_token(self.bar.text, pick.token))

    async def search_for(self, text: str) -> None:
        """Put text into the search line and wait until its results are in sight."""
        self.bar.text = text
        self._search()
        await self._arrived.wait()

    async def do_sort(self) -> None:
        self._sort_by(self._sort_after(self._sorted_by))
        await self._arrived.wait()

    def _sort_after(self, column: str) -> str:
        """Return the next of the columns in sight."""
        shown = self.table.shown_columns
        names = [name for name in SORTS if name in shown or name == column]
        return names[(names.index(column) + 1) % len(names)]

    async def do_reverse(self) -> None:
        self._sort_by(self._sorted_by)
        await self._arrived.wait()

    def on_windowed_table_header_clicked(self, event: HeaderClicked) -> None:
        if event.column in SORTS:
            self._sort_by(event.column)

    @property
    def _sorted_by(self) -> str:
        return next(name for name, sort in SORTS.items() if sort is self._query.sort)

    def _sort_by(self, column: str) -> None:
        """Sort by a column, or reverse its order if it is sorted already.

        Sign-ins start with the latest, flags with those that keep users from signing in.
        """
        query = self._query
        same = SORTS[column] is query.sort
        descending = not query.descending if same else column in HIGHEST_FIRST
        self.table.set_sort(column, descending=descending)
        # A row's position among the matches of words is known only after counting them all.
        self._show(UserQuery(query.filter, SORTS[column], descending), keep=not query.filter.words)

    # ---- marks -----------------------------------------------------------------------------------------------------

    async def do_mark(self) -> None:
        self.table.action_mark()

    async def do_mark_range(self) -> None:
        self.table.mark_range()

    async def do_mark_all(self) -> None:
        found: set[str] = set()
        async for page in self._source.all_ids():
            if len(found) + len(page) > MOST_MARKED:
                self.app.notify_refused(
                    f"More than {MOST_MARKED:,} users are too many to mark at once. Search for fewer."
                )
                return
            found.update(page)
        self.table.set_marks(self.table.marks | found)

    async def do_clear_marks(self) -> None:
        self.table.clear_marks()

    async def do_clear(self) -> None:
        if self.table.marks:
            self.table.clear_marks()
        else:
            await self.search_for("")

    def on_windowed_table_marks_changed(self) -> None:
        self._update_info()
        self.refresh_hints()

    # ---- counts, and how old they are ------------------------------------------------------------------------------

    def _counted(self, found: UserCount | None) -> None:
        if self.is_mounted:
            self._update_info()

    def _update_info(self) -> None:
        parts = [found_words(self._source.count, all_users=self._query.filter == EVERYBODY)]
        if marked := len(self.table.marks):
            parts.insert(0, f"{marked:,} marked")
        problem = "; ".join(self._problems)
        if self._out_of_date and self._loaded_at is not None:
            problem = f"Not up to date: as of {clock(self._loaded_at)}"
        self.bar.show_info(" · ".join(part for part in parts if part), problem)

    def on_windowed_table_rows_loaded(self) -> None:
        if self._source.was_read:
            self._arrived.set()
        self._loaded_at, self._out_of_date = self.app.clock(), False
        if not self.is_here:
            return
        self._update_info()
        self.when_rested(self._ask_for_detail)

    def on_windowed_table_load_failed(self, event: LoadFailed) -> None:
        if isinstance(event.error, Invalid) and event.error.field == "sort":  # too many users for that order
            self.app.notify_refused(event.error.message)
            self._sort_by(self._sort_after(self._sorted_by))
            return
        if not self._out_of_date:
            self.app.reading_failed(event.error)
        self._out_of_date = True
        self._arrived.set()
        self._update_info()

    async def on_live_change(self) -> None:
        self._source.renew()
        self.table.refresh_rows()

    # ---- the user under the cursor ---------------------------------------------------------------------------------

    def on_windowed_table_cursor_moved(self) -> None:
        self.when_rested(self._ask_for_detail)

    def _ask_for_detail(self) -> None:
        """Fetch the details of the user that the cursor rests on, but none on the way past."""
        self._wanted += 1
        if self._slow is not None:
            self._slow.stop()
        key = self.table.cursor_key
        if key is None:
            self.detail = None
            self._show_detail()
            self.refresh_hints()
            return
        if self.detail is not None and self.detail.user.id != key:
            self._slow = self.set_timer(SLOW, self._show_detail)
        self._fetch_detail(key, self._wanted)

    @work(group="detail", exclusive=True, exit_on_error=False)
    async def _fetch_detail(self, key: str, wanted: int) -> None:
        try:
            detail = await self.app.perform(ShowUser(tenant=self.app.tenant, user=key))
        except SecconsoleError:
            return  # the row stays; the list reports what is wrong with the store
        if wanted == self._wanted:
            self.detail = detail
            self._show_detail()
            self.refresh_hints()

    def _show_detail(self) -> None:
        if self._slow is not None:
            self._slow.stop()
            self._slow = None
        if not self.is_here:
            return
        person, detail = self.person, self.detail
        if person is not None and detail is not None and detail.user.id != person.id:
            detail = None
        note = "" if self.table.count == 0 else "No user is under the cursor."
        for shown in (self.query_one(UserPane), self.query_one(UserStrip)):
            if shown.display:
                user = detail.user if detail is not None else person
                shown.show(user, detail, self.app.clock(), utf8=self.app.terminal.utf8, note=note)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_detail)
