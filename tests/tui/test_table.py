"""The windowed table: what it shows, keeps and reports, over lists that change meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot

from secconsole.domain.errors import Unavailable
from secconsole.domain.text import is_plain
from secconsole.tui.widgets import row_feed
from secconsole.tui.widgets.columns import Column, TableCell, cell_pieces, cut, lay_out
from secconsole.tui.widgets.row_window import BLOCK, KEPT, Row
from secconsole.tui.widgets.table import WindowedTable
from tests.extent import examples

COLUMNS = (
    Column("login", "Login", 12, min_width=8, grow=10),
    Column("name", "Name", 14, min_width=6, priority=2),
    Column("status", "Status", 9, priority=1),
)


class Rows:
    """A list of keys that tests change. `gate` holds replies back."""

    def __init__(self, keys: Sequence[str], known: bool = True) -> None:
        self.keys = list(keys)
        self.known = known
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[tuple[int, int]] = []
        self.error: Unavailable | None = None
        self.suffix = ""

    @property
    def total(self) -> int | None:
        return len(self.keys) if self.known else None

    async def load(self, first: int, count: int) -> Sequence[Row]:
        self.calls.append((first, count))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [Row(key, (key, f"Name {key}{self.suffix}", "bound")) for key in self.keys[first : first + count]]


class FindingRows(Rows):
    """A list that also finds keys. `finding` holds that back."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(keys)
        self.finding = asyncio.Event()
        self.finding.set()
        self.asked: list[str] = []

    async def index_of(self, key: str) -> int | None:
        self.asked.append(key)
        await self.finding.wait()
        return self.keys.index(key) if key in self.keys else None


class TableApp(App[None]):
    def __init__(self, source: Rows) -> None:
        super().__init__()
        self.source = source
        self.answer: list[Message] = []
        self.table = WindowedTable(COLUMNS, source, empty="No users yet.")

    def compose(self) -> ComposeResult:
        yield self.table

    @on(WindowedTable.CursorMoved)
    @on(WindowedTable.MarksChanged)
    @on(WindowedTable.RowActivated)
    @on(WindowedTable.HeaderClicked)
    @on(WindowedTable.LoadFailed)
    def note(self, message: Message) -> None:
        self.answer.append(message)

    def shown(self) -> list[str]:
        return [self.table.render_line(y).text.rstrip() for y in range(self.table.size.height)]

    def logins(self) -> list[str]:
        return [line[3:].split()[0] for line in self.shown()[1:] if line.strip()]


def keys(count: int) -> list[str]:
    return [f"u{at:06}" for at in range(count)]


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Wait for a condition, not for a time."""
    async with asyncio.timeout(20):
        while not true():
            await pilot.pause()


async def settled(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, TableApp)
    table = app.table
    await until(pilot, lambda: table.settled)


def run(source: Callable[[], Rows], script: Callable[[TableApp, Pilot[None]], Awaitable[None]], rows: int = 12) -> None:
    """For tests that hypothesis drives, which are not coroutines."""

    async def go() -> None:
        app = TableApp(source())
        async with app.run_test(size=(60, rows)) as pilot:
            await settled(pilot)
            await script(app, pilot)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_feed, "REFRESH_PAUSE", 0.001)
        asyncio.run(go())


# ---- a million rows ------------------------------------------------------------------------------------------------


class Many(Rows):
    """Rows made from their number, none of them kept."""

    def __init__(self, count: int) -> None:
        super().__init__([])
        self.number = count

    @property
    def total(self) -> int | None:
        return self.number

    async def load(self, first: int, count: int) -> Sequence[Row]:
        self.calls.append((first, count))
        return [
            Row(f"u{at:06}", (f"u{at:06}", "Name", "bound")) for at in range(first, min(first + count, self.number))
        ]


async def test_all_of_a_million_rows_are_reachable_with_few_in_memory() -> None:
    source = Many(1_000_000)
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        assert app.logins() == keys(11)
        for key, first in (("end", 999_989), ("home", 0)):
            await pilot.press(key)
            await settled(pilot)
            assert app.logins()[0] == f"u{first:06}"
        app.table.move_to(500_000)
        await pilot.press("pagedown")
        await settled(pilot)
        assert (app.table.cursor_key, app.table.cursor_index) == ("u500011", 500_011)
        assert "u500011" in app.logins()
        for step in range(0, 1_000_000, 7_919):
            app.table.move_to(step)
            await settled(pilot)
            assert app.table.cursor_key == f"u{step:06}"
        assert app.table.loaded <= KEPT * BLOCK
        assert max(count for _, count in source.calls) == BLOCK


async def test_keys_do_not_wait_for_rows_and_skipped_blocks_are_not_loaded() -> None:
    source = Rows(keys(100_000))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        source.gate.clear()
        source.calls.clear()
        for index in range(1_000, 90_000, 1_000):
            app.table.move_to(index)
            await pilot.pause()
        assert (app.table.cursor_index, app.table.cursor_key) == (89_000, None)
        assert all(set(line) <= set("▌ ·") and line.count("·") == 3 for line in app.shown()[1:])
        await pilot.press("space", "enter")  # a row that has not been visible is neither marked nor opened
        assert app.table.marks == frozenset()
        source.gate.set()
        await settled(pilot)
        assert app.table.cursor_key == "u089000"
        assert len(source.calls) <= 6
        assert not [message for message in app.answer if isinstance(message, WindowedTable.RowActivated)]


async def test_an_unknown_total_grows_as_rows_arrive() -> None:
    app = TableApp(Rows(keys(300), known=False))
    async with app.run_test(size=(60, 12)) as pilot:
        for _ in range(3):
            await settled(pilot)
            await pilot.press("end")
        await settled(pilot)
        await pilot.press("end")
        assert (app.table.cursor_key, app.table.count) == ("u000299", 300)


# ---- live changes --------------------------------------------------------------------------------------------------

changes = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "move", "page", "mark"]), st.integers(0, 10**6)), max_size=12
)


@settings(max_examples=examples(25), deadline=None)
@given(size=st.integers(1, 600), steps=changes, finding=st.booleans())
def test_cursor_and_marks_stay_with_their_rows(size: int, steps: list[tuple[str, int]], finding: bool) -> None:
    async def script(app: TableApp, pilot: Pilot[None]) -> None:
        source, table, fresh = app.source, app.table, iter(f"n{at}" for at in range(10**6))
        for what, number in steps:
            if what == "move":
                table.move_to(number % max(1, len(source.keys)))
                await settled(pilot)
            elif what == "page":
                table.action_page(1 if number % 2 else -1)
                await settled(pilot)
            elif what == "mark" and table.cursor_key is not None:
                toggled = table.marks ^ {table.cursor_key}
                table.action_mark()
                assert table.marks == toggled
            else:
                key, marks = table.cursor_key, table.marks
                line = table.view.cursor - table.view.top
                at = number % (len(source.keys) + 1)
                if what == "insert":
                    source.keys[at:at] = [next(fresh) for _ in range(1 + number % 5)]
                elif [k for k in source.keys[at : at + 3] if k != key] == source.keys[at : at + 3]:
                    del source.keys[at : at + 3]
                table.refresh_rows()
                await settled(pilot)
                assert table.cursor_key == key
                assert table.marks == marks
                if key is not None:
                    assert table.cursor_index == source.keys.index(key)
                    most = max(0, len(source.keys) - table.view.page)
                    assert table.view.top == max(0, min(table.cursor_index - line, most))
            top = table.view.top
            assert app.logins() == (source.keys[top : top + table.view.page] or ["No"])
            for shown, at_line in zip(app.shown()[1:], source.keys[top:], strict=False):
                assert (shown[0] == "▌") == (at_line == table.cursor_key)
                assert (shown[1] == "*") == (at_line in table.marks)

    # Without index_of the row is looked for among the rows loaded; so few inserts never push it out of them.
    run(lambda: (FindingRows if finding or size > BLOCK - 70 else Rows)(keys(size)), script)


async def test_rows_inserted_above_the_window_repaint_nothing() -> None:
    source = FindingRows(keys(1_000))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.move_to(505)
        await settled(pilot)
        before = app.shown()
        painted: list[list[int]] = []
        refresh = app.table.refresh

        def noted(*regions: Region, **how: bool) -> WindowedTable:
            painted.append([region.y for region in regions])
            return refresh(*regions, **how)

        app.table.refresh = noted  # type: ignore[method-assign]
        source.keys[:0] = [f"n{at}" for at in range(300)]
        app.table.refresh_rows()
        await settled(pilot)
        assert (app.shown(), painted) == (before, [])
        assert (app.table.cursor_key, app.table.cursor_index) == ("u000505", 805)
        source.keys[app.table.view.top + 2] = "changed"
        app.table.refresh_rows()
        await settled(pilot)
        assert painted == [[3]]


async def test_the_cursor_stays_in_position_when_its_row_is_removed() -> None:
    source = FindingRows(keys(50))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.move_to(20)
        source.keys.remove("u000020")
        app.table.refresh_rows()
        await settled(pilot)
        assert (app.table.cursor_index, app.table.cursor_key) == (20, "u000021")
        source.keys.clear()
        app.table.refresh_rows()
        await settled(pilot)
        assert app.shown()[1].strip() == "No users yet."
        assert (app.table.cursor_key, app.table.count) == (None, 0)
        await pilot.press("down", "space", "enter", "end", "pageup")
        source.keys[:] = keys(3)
        app.table.refresh_rows()
        await settled(pilot)
        assert app.table.cursor_key == "u000000"


async def test_a_flood_of_changes_is_two_loads() -> None:
    source = Rows(keys(40))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        source.calls.clear()
        source.gate.clear()
        for _ in range(1_000):
            app.table.refresh_rows()
        source.suffix = "!"
        source.gate.set()
        await settled(pilot)
        assert len(source.calls) == 2
        assert app.shown()[1].split() == ["▌", "u000000", "Name", "u000000!", "bound"]


async def test_the_cursor_may_move_while_rows_are_loading() -> None:
    source = FindingRows(keys(1_000))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.move_to(505)
        await settled(pilot)
        source.finding.clear()
        source.keys[:0] = [f"n{at}" for at in range(300)]
        app.table.refresh_rows()
        await until(pilot, lambda: source.asked == ["u000505"])
        await pilot.press("down", "down")
        assert app.table.cursor_key == "u000507"
        source.finding.set()
        await settled(pilot)
        assert (app.table.cursor_key, app.table.cursor_index) == ("u000507", 807)


# ---- other rows ----------------------------------------------------------------------------------------------------


async def test_another_source_keeps_the_cursor_if_its_row_is_there_and_drops_late_replies() -> None:
    app = TableApp(Rows(keys(500)))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.move_to(30)
        await settled(pilot)
        await pilot.press("space")
        slow, quick = Rows(["slow"]), FindingRows(keys(500)[::-1])
        slow.gate.clear()
        app.table.set_source(slow)
        await until(pilot, lambda: bool(slow.calls))
        assert "u000031" in app.logins()  # the old rows stay until the new ones have arrived
        app.table.set_source(quick)
        slow.gate.set()
        await settled(pilot)
        assert (app.table.cursor_key, app.table.cursor_index) == ("u000031", 468)
        assert app.table.marks == {"u000030"}
        app.table.set_source(quick, keep_cursor=False)
        await settled(pilot)
        assert app.table.cursor_key == "u000499"
        app.table.set_source(Rows(["a", "b"]))
        await settled(pilot)
        assert (app.table.cursor_key, app.logins()) == ("a", ["a", "b"])


async def test_a_failed_load_is_reported_and_shown_rows_stay() -> None:
    source = Rows(keys(30))
    app = TableApp(source)
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        before = app.shown()
        source.error = Unavailable("The server does not answer. Try again.")
        app.table.refresh_rows()
        await settled(pilot)
        assert [m.error.message for m in app.answer if isinstance(m, WindowedTable.LoadFailed)] == [
            source.error.message
        ]
        assert app.shown() == before
        source.error = None
        source.keys[0] = "back"
        app.table.refresh_rows()
        await settled(pilot)
        assert app.logins()[0] == "back"


# ---- what it tells -------------------------------------------------------------------------------------------------


async def test_keys_and_mouse_send_messages() -> None:
    app = TableApp(Rows(keys(40)))
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        app.answer.clear()
        await pilot.press("j", "k", "G", "g", "down", "enter", "space")
        await pilot.click(WindowedTable, offset=(5, 0))
        await pilot.click(WindowedTable, offset=(5, 6))
        await pilot.click(WindowedTable, offset=(0, 7))
        await pilot.pause()
        moved = [m.key for m in app.answer if isinstance(m, WindowedTable.CursorMoved)]
        assert moved[-3:] == ["u000002", "u000005", "u000006"]
        assert [m.key for m in app.answer if isinstance(m, WindowedTable.RowActivated)] == ["u000001"]
        assert [m.column for m in app.answer if isinstance(m, WindowedTable.HeaderClicked)] == ["login"]
        assert app.table.marks == {"u000001", "u000006"}
        app.table.clear_marks()
        await pilot.pause()
        assert [m.marks for m in app.answer if isinstance(m, WindowedTable.MarksChanged)][-1] == frozenset()


async def test_a_range_is_marked_across_rows_never_shown() -> None:
    app = TableApp(FindingRows(keys(2_000)))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.move_to(10)
        await settled(pilot)
        await pilot.press("space")
        app.table.move_to(1_500)
        await settled(pilot)
        app.table.mark_range()
        await until(pilot, lambda: len(app.table.marks) > 1)
        assert app.table.marks == set(keys(2_000)[10:1_501])


async def test_the_header_shows_the_sort_order() -> None:
    app = TableApp(Rows(keys(3)))
    async with app.run_test(size=(60, 12)) as pilot:
        await settled(pilot)
        app.table.set_sort("name", descending=True)
        assert app.shown()[0].split() == ["Login", "Name", "▼", "Status"]
        app.table.set_sort("login")
        assert app.shown()[0].split() == ["Login", "▲", "Name", "Status"]


async def test_the_window_may_be_resized() -> None:
    app = TableApp(Rows(keys(100)))
    async with app.run_test(size=(60, 30)) as pilot:
        app.table.move_to(28)
        await settled(pilot)
        for size in ((30, 6), (200, 40), (60, 2)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: app.table.size == size)  # noqa: B023 - within the turn
            await settled(pilot)
            assert app.table.cursor_key in app.logins()
            assert {app.table.render_line(y).cell_length for y in range(size[1])} == {size[0]}


# ---- columns and cells ---------------------------------------------------------------------------------------------


@given(st.integers(1, 250))
def test_columns_are_dropped_by_priority_and_never_too_wide(room: int) -> None:
    shown = lay_out(COLUMNS, room)
    names = [column.name for column, _ in shown]
    assert names in (["login"], ["login", "status"], ["login", "name", "status"])
    used = sum(width for _, width in shown) + len(shown) - 1
    assert used <= max(room, COLUMNS[0].least)
    for column, width in shown:
        assert column.least <= width <= column.width + column.grow
    if room >= 47:
        assert [width for _, width in shown] == [22, 14, 9]


@given(st.text(), st.integers(0, 30), st.booleans())
def test_cells_fit_their_column_and_are_escaped(text: str, width: int, right: bool) -> None:
    red = Style(color="#ff0000")
    styled = Text(text)
    styled.stylize(red, 0, 3)
    cells: tuple[TableCell, ...] = (text, styled)
    for cell in cells:
        shown = "".join(piece for piece, _ in cell_pieces(cell, width, right))
        assert cell_len(shown) == width
        assert is_plain(shown)


def test_wide_characters_are_not_cut_in_half() -> None:
    assert [cut("日本語", width) for width in (6, 5, 4, 3, 2, 1, 0)] == [
        "日本語",
        "日本…",
        "日 …",
        "日…",
        " …",
        "…",
        "",
    ]


@pytest.mark.parametrize("width", [3, 10])
def test_a_style_in_a_cell_covers_only_its_text(width: int) -> None:
    green = Style(color="#00ff00")
    pieces = cell_pieces(Text.assemble(("●", green), " bound"), width)
    assert pieces[0] == ("●", green)
    assert pieces[1][1] is None
