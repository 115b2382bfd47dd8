"""Audit: what was done, by and to which users, and when, with its verification and export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static
from textual.worker import Worker

from secconsole.domain.errors import SecconsoleError
from secconsole.operations import load_all
from secconsole.operations.audit import AuditCheck, AuditEntry, ListAudit, VerifyAudit
from secconsole.operations.audit_retention import SetRetention, ShowRetention
from secconsole.operations.audit_streams import AddAuditStream, ListAuditStreams
from secconsole.operations.portions import verify_in_parts
from secconsole.tui.actions import Action
from secconsole.tui.screens.audit.dialogs import EntryDialog, ExportDialog, NarrowDialog
from secconsole.tui.screens.audit.export import Export, write
from secconsole.tui.screens.audit.retention import manage_retention
from secconsole.tui.screens.audit.streams import manage_streams
from secconsole.tui.screens.audit.text import AuditRows, Narrowed, about, columns, found_words, verdict
from secconsole.tui.screens.choose_columns import columns_action
from secconsole.tui.screens.dialog import ConfirmDialog, Dialog
from secconsole.tui.screens.named_filters import named_filters_action
from secconsole.tui.screens.place import Place
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.filter_bar import FilterBar
from secconsole.tui.widgets.paged_rows import GrowingRows, RowPage
from secconsole.tui.widgets.prose import Prose
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.table_messages import LoadFailed

_REMEMBERED = 20_000


class Audit(Place):
    """On the first line the list follows new entries.

    Elsewhere it stays and counts the new ones above.
    """

    NAME = "audit"
    TITLE = "Audit"
    NUMBER = "5"
    HELP_FILE = "audit.md"
    CSS_PATH = "../../styles/audit.tcss"
    AUTO_FOCUS = "WindowedTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (150, "-wide")]  # noqa: RUF012
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "audit.filter",
            "Filter",
            "f",
            "Show only what one actor, user, ticket or time has.",
            ListAudit,
            priority=1,
            command="secconsole audit list --help",
        ),
        Action(
            "audit.clear",
            "Clear",
            "escape",
            "Go back from one act to all entries; from there, end the search.",
            priority=9,
        ),
        Action("audit.open", "Open", "enter", "Show the entry under the cursor in full.", priority=3),
        Action(
            "audit.all",
            "All acts",
            "a",
            "Go back from the users of one act to all entries.",
            ListAudit,
            priority=2,
            command="secconsole audit list",
        ),
        Action(
            "audit.verify",
            "Verify",
            "v",
            "Check that no entry was changed, removed or inserted.",
            VerifyAudit,
            priority=0,
            command="secconsole audit verify",
        ),
        Action(
            "audit.export",
            "Export",
            "o",
            "Write the entries to a file that only you can read.",
            ListAudit,
            priority=1,
            command="secconsole audit export > FILE",
        ),
        Action(
            "audit.streams",
            "Streams",
            "s",
            "Send the audit to other systems, and see how far each is behind.",
            ListAuditStreams,
            priority=2,
            command="secconsole audit stream list",
        ),
        Action(
            "audit.keep",
            "Retention",
            "r",
            "Set how long the audit is kept; remove older entries.",
            ShowRetention,
            priority=5,
            command="secconsole audit retention set 400d",
        ),
        columns_action("audit"),
        named_filters_action("audit"),
        Action("audit.newest", "Newest", "n", "Go back to the newest entry and follow.", priority=4),
    )

    def __init__(self) -> None:
        super().__init__()
        load_all()  # a refused attempt at any operation has its group and text
        self._entries: dict[str, AuditEntry] = {}
        self._search = ""
        self._one_act: AuditEntry | None = None  # whose users are listed
        self._narrowed = Narrowed()
        self._new = 0  # new entries above since the reader was at the top
        self._follow = False
        self._busy = ""
        self._exporting: Worker[None] | None = None
        self._source = GrowingRows(self._nothing)

    def compose_body(self) -> ComposeResult:
        bar = FilterBar("Search actor, user, action, reason: /", self.view.search)
        self._search = bar.text
        self._source = self._rows_of(self._folded)
        yield bar
        with Container(id="list"):
            yield WindowedTable(columns(self.app.clock()), self._source, chosen=self.view.columns, empty="No entries.")
            yield Prose(id="entry")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._show_others())

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
        """Replace the search and all filters, as other places do."""
        self._narrowed, self._one_act = Narrowed(), None
        if self.bar.text == text:
            self._show_others()
        self.bar.text = text
        self.table.focus()

    @property
    def query_shown(self) -> ListAudit:
        """Query of the list, without its page: every entry by itself."""
        query = self._narrowed.query(self.app.tenant, self._search, self.app.clock())
        return replace(query, act=self._one_act.act) if self._one_act is not None else query

    @property
    def _folded(self) -> ListAudit:
        return replace(self.query_shown, fold=self._one_act is None)

    # ---- reading ---------------------------------------------------------------------------------------------------

    @staticmethod
    async def _nothing(cursor: str | None, limit: int) -> RowPage:
        return RowPage((), None)

    def _rows_of(self, query: ListAudit) -> GrowingRows:
        async def fetch(cursor: str | None, limit: int) -> RowPage:
            page = await self.app.perform(replace(query, limit=limit, cursor=cursor))
            rows = AuditRows(self.app.theme_variables, self.app.clock(), utf8=self.app.terminal.utf8)
            self._remember(page.items)
            return RowPage([rows(entry) for entry in page.items], page.next)

        return GrowingRows(fetch)

    def _remember(self, entries: Iterable[AuditEntry]) -> None:
        self._entries |= {entry.id: entry for entry in entries}
        if len(self._entries) > _REMEMBERED:
            self._entries = dict(list(self._entries.items())[_REMEMBERED // 2 :])

    async def on_live_change(self) -> None:
        self._look_for_new()

    @work(group="new", exclusive=True, exit_on_error=False)
    async def _look_for_new(self) -> None:
        new = await self._source.grown()
        if not new or not self.is_here:
            return
        self._follow = self.table.cursor_index == 0
        self._new = 0 if self._follow else self._new + new
        self.table.refresh_rows()
        self._update_details()

    def _show_others(self) -> None:
        self._new = 0
        self._source = self._rows_of(self._folded)
        self.table.set_empty("No entries match." if self._search or self._narrowed.words else "No entries.")
        self.table.set_source(self._source, keep_cursor=False)

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self._search = event.text
        self.view = replace(self.view, search=event.text)
        self._show_others()

    def on_filter_bar_left(self) -> None:
        self.table.focus()

    def on_windowed_table_rows_loaded(self) -> None:
        if self._follow and self.is_here:
            self._follow = False
            self.table.move_to(0)
        self._update_details()

    def on_windowed_table_load_failed(self, event: LoadFailed) -> None:
        self.app.reading_failed(event.error)

    def on_windowed_table_cursor_moved(self) -> None:
        self.when_rested(self._look)

    def _look(self) -> None:
        if self.table.cursor_index == 0:
            self._new = 0
        self._update_details()

    def _update_details(self) -> None:
        if not self.is_here:
            return
        entry = self._entries.get(self.table.cursor_key or "")
        self.query_one("#entry", Static).update(about(entry) if entry else safe(""))
        above = f"{count(self._new)} new · n to follow · " if self._new else ""
        found = "" if self.table.unread else found_words(self._source.total, self._narrowed, self._search)
        act = f"one act: {self._one_act.action} · " if self._one_act is not None else ""
        self.query_one(FilterBar).show_info(self._busy or above + act + found)

    # ---- keys ------------------------------------------------------------------------------------------------------

    async def do_search(self) -> None:
        self.query_one(FilterBar).focus()

    def on_windowed_table_row_activated(self) -> None:
        self.action_act("audit.open")

    async def do_open(self) -> None:
        entry = self._entries.get(self.table.cursor_key or "")
        if entry is not None and entry.entries > 1:
            self._list_act(entry)
        elif entry is not None:
            await self.app.ask(EntryDialog(entry))

    def do_clear(self) -> None:
        if self._one_act is not None:
            self._list_act(None)
        else:
            self.query_one(FilterBar).text = ""

    def do_all(self) -> None:
        self._list_act(None)

    def _list_act(self, entry: AuditEntry | None) -> None:
        """List the users of one act, or everything."""
        self._one_act = entry
        self._show_others()
        self.refresh_hints()

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self._one_act

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        return "All acts are listed already." if action.id == "audit.all" and self._one_act is None else ""

    def do_newest(self) -> None:
        self.table.move_to(0)

    async def do_filter(self) -> None:
        narrowed = await self.app.ask(NarrowDialog(self._narrowed, self.app.tenant))
        if narrowed is not None:
            self.show_only(narrowed)

    def show_only(self, narrowed: Narrowed) -> None:
        """Show only the entries that the filters allow."""
        if narrowed != self._narrowed:
            self._narrowed = narrowed
            self._show_others()

    def do_verify(self) -> None:
        self._verify()

    @work(group="verify", exclusive=True, exit_on_error=False)
    async def _verify(self) -> None:
        check = AuditCheck(True, 0)
        self._tell_busy("checking the chain …")
        try:
            async for check in verify_in_parts(self.app.perform, self.app.tenant):
                self._tell_busy(f"checking: {count(check.entries)} of {count(check.newest)} …")
        finally:
            self._tell_busy("")
        async with self.app.hold_keys():
            await self.app.ask(Dialog("The audit", verdict(check), danger=not check.whole))

    async def do_streams(self) -> None:
        why_not = self.may_not(Action("audit.look", "", "", "", AddAuditStream))
        await manage_streams(self.app, why_not=why_not)

    async def do_keep(self) -> None:
        why_not = self.may_not(Action("audit.look", "", "", "", SetRetention))
        await manage_retention(self.app, self._tell_busy, why_not=why_not)

    async def do_export(self) -> None:
        if self._exporting is not None:
            await self._ask_to_stop(self._exporting)
            return
        export = await self.app.ask(ExportDialog(self.query_shown, self.app.clock()))
        if export is not None:
            self._exporting = self.run_worker(self._export(export), group="export", exit_on_error=False)

    async def _ask_to_stop(self, exporting: Worker[None]) -> None:
        body = "What was written so far is removed."
        if await self.app.ask(ConfirmDialog("Stop the export", body, "Stop", danger=True)) and exporting.is_running:
            exporting.cancel()
            self.app.notify_done("The export was stopped, and its file removed.")

    async def _export(self, export: Export) -> None:
        try:
            done = await write(
                export, self.app.perform, lambda written: self._tell_busy(f"writing: {written:,} … o stops it")
            )
        except SecconsoleError as error:
            self.app.work_failed(error)
        else:
            self.app.notify_done(f"{plural(done, 'entry', 'entries')} written to {export.path}\nOnly you can read it.")
        finally:
            self._exporting = None
            self._tell_busy("")

    def _tell_busy(self, busy: str) -> None:
        self._busy = busy
        if self.is_mounted:
            self._update_details()
