"""Bytes sent to the terminal: only what changes the screen, and never at the price of a wrong screen."""

from __future__ import annotations

import re

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from secconsole.tui.runtime.output.shown import Shown
from tests.extent import examples
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
WIDTH = 120
GROUND = "48;2;9;9;9m"
SOME = ["\x1b[1m", "\x1b[38;2;1;2;3m", "\x1b[7;48;5;9m", "", f"\x1b[{GROUND}", f"\x1b[1;38;2;7;7;7;{GROUND}", "\x1b[4m"]
LETTERS = st.sampled_from(
    ["a", "b", " ", "  ", " " * 15, "é", "李", "小龍", "e\u0301", "⚠", "●", "▌x", "—", "🙂", "ab cd ef gh"]
)
PIECE = st.tuples(st.sampled_from(SOME), st.lists(LETTERS, min_size=1, max_size=6).map("".join))
RUN = st.tuples(st.integers(1, 6), st.integers(1, 30), st.lists(PIECE, min_size=1, max_size=4))
CONTROL = st.sampled_from(["\x07", "\x1b[?2026h", "\x1b[?2026l", "\x1b[2J", "\x1b[?1049h", "\x1b]22;text\x1b\\"])
FRAME = st.one_of(st.lists(RUN, min_size=1, max_size=6).map(sorted), CONTROL)


def written(frame: list[tuple[int, int, list[tuple[str, str]]]] | str) -> str:
    """One frame as Textual writes it."""
    if isinstance(frame, str):
        return frame
    rows = [
        f"\x1b[{y};{x}H" + "".join(f"{style}{text}\x1b[0m" if style else text for style, text in to_the_edge(x, pieces))
        for y, x, pieces in frame
    ]
    return "\n".join(rows) + "\x1b[1;1H"


def to_the_edge(x: int, pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A run as it is, or with the blanks to the end of the row if it begins at an even column."""
    rest = WIDTH - (x - 1) - sum(cell_len(text) for _, text in pieces)
    return pieces if x % 2 or rest < 1 else [*pieces, (pieces[0][0], " " * rest)]


class Line:
    """A screen at the end of a line, fed as Textual writes."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(WIDTH, 7)
        self._screen.reset_mode(pyte.modes.DECAWM)
        self._stream = pyte.Stream(self._screen)

    def after(self, text: str) -> tuple[object, ...]:
        """All its cells as they look once that has arrived, too."""
        self._stream.feed(re.sub(r"\x1b\[\?(?:2026|1049)[hl]|\x1b\]22;text\x1b\\", "", text))
        return tuple(tuple(look(self._screen.buffer[y][x]) for x in range(WIDTH)) for y in range(7))


def look(cell: pyte.screens.Char) -> object:
    """A cell without what nobody sees on a blank."""
    marked = cell.reverse or cell.underscore or cell.strikethrough
    return cell.bg if cell.data == " " and not marked else cell


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(FRAME, min_size=1, max_size=8), st.data(), st.booleans())
def test_dropping_redundant_output_leaves_the_same_screen(
    frames: list[object], data: st.DataObject, erases: bool
) -> None:
    whole, fresh, shown = Line(), Line(), Shown(erases=erases)
    for _ in range(len(frames) * 2):
        frame = frames[data.draw(st.integers(0, len(frames) - 1))]
        text = written(frame)  # type: ignore[arg-type]
        assert fresh.after(shown.changes(text, (WIDTH, 7))) == whole.after(text)


def test_a_frame_sent_twice_costs_nothing_the_second_time() -> None:
    frame = written([(1, 1, [("\x1b[1m", "héllo ●"), ("", " world")]), (2, 1, [("", "x" * 40)])])
    shown = Shown()
    assert shown.changes(frame)
    assert shown.changes(frame) == ""
    shown.forget()
    assert shown.changes(frame) != ""


def test_nothing_is_written_beyond_the_screen() -> None:
    """A frame composed before the window shrank leaves no remains in the last row and column."""
    frame = written(
        [(1, 1, [("", "abc"), ("\x1b[1m", "defg")]), (1, 9, [("", "x")]), (2, 5, [("", "李李")]), (3, 1, [("", "y")])]
    )
    for size, rows in (((6, 2), ("abcdef", "    李")), ((5, 1), ("abcde",))):
        screen = pyte.Screen(20, 7)
        pyte.Stream(screen).feed(Shown().changes(frame, size))
        assert tuple(line.rstrip() for line in screen.display if line.strip()) == rows


def test_a_frame_is_written_in_the_fewest_bytes() -> None:
    """The rest of a row and long blanks are erased, and a style used before is restored by two bytes."""
    text, bar = f"\x1b[38;2;223;229;238;{GROUND}", "\x1b[1;38;2;255;255;255;48;2;36;80;127m"

    def frame(at: int, numbers: range) -> str:
        rows = [f"{f'row {y}':<70}x{'':<49}" for y in range(8)]
        return "\n".join(f"\x1b[{y};1H{bar if y == at else text}{rows[y]}\x1b[0m" for y in numbers)

    shown, plain = Shown(erases=True), Shown()
    for screen in (shown, plain):
        screen.changes(frame(3, range(1, 8)), (WIDTH, 7))
        screen.changes(frame(4, range(3, 5)), (WIDTH, 7))
    changed = shown.changes(frame(5, range(4, 6)), (WIDTH, 7))
    assert "\x1b8" in changed
    assert "\x1b[K" in changed
    assert len(changed) < 100
    assert len(plain.changes(frame(5, range(4, 6)), (WIDTH, 7))) > 200  # no terminal that erases in colour


def test_a_style_that_may_have_been_lost_is_named_again() -> None:
    frame = written([(1, 1, [("\x1b[1m", "abc")])])
    shown = Shown()
    assert "\x1b[0;1m" in shown.changes(frame)
    passed = shown.changes("\x1b[?1049l")
    assert passed == "\x1b[m\x1b[?1049l"
    assert "\x1b[0;1m" in shown.changes(frame)


def test_unknown_sequences_are_passed_on_and_reset_the_state() -> None:
    shown = Shown()
    frame = written([(1, 1, [("", "abc")])])
    shown.changes(frame)
    link = "\x1b[2;1H\x1b]8;id=1;x\x1b\\link\x1b]8;;\x1b\\\x1b[1;1H"
    assert shown.changes(link) == link
    assert shown.changes(frame) != ""


def idle(t: Term) -> None:
    assert t.wait_quiet(0.3, 10)


@pytest.mark.terminal
def test_bytes_per_key_hold_their_limits(sample: Start) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    idle(t)
    assert t.key("down").nbytes <= 200
    assert t.key("pagedown").nbytes <= 1600
    assert t.key("d").nbytes <= 4000
    assert t.key("escape", quiet=0.4).nbytes <= 4000
    idle(t)
    before = t.mark()
    t.idle(3)
    assert t.mark() == before


@pytest.mark.terminal
def test_the_screen_equals_a_full_redraw(sample: Start) -> None:
    """After keys, dialogs, toasts and resizes, a complete redraw changes nothing."""
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    for step in (
        "down",
        "pagedown",
        "d",
        "tab",
        "x",
        "escape",
        "t",
        (100, 30),
        "end",
        "d",
        (70, 20),
        "escape",
        "home",
        (120, 40),
        "pagedown",
        "x",
        (80, 24),
        "up",
    ):
        if isinstance(step, tuple):
            t.resize(*step)
        else:
            t.press(step)
        idle(t)
    assert t.wait_text("Already", 8, gone=True) is not None
    idle(t)
    before = t.grid()
    for screen in (t._alt, t._main):
        screen.erase_in_display(2)
    t.signal(18)  # SIGCONT: everything is drawn again
    idle(t)
    assert t.grid() == before


@pytest.mark.terminal
def test_no_color_sends_no_colour(sample: Start) -> None:
    t = sample("sample_places", env={"NO_COLOR": "1"})
    assert t.wait_text("ready", 10)
    for key in ("down", "pagedown", "d", "tab", "escape", "t", "x"):
        t.press(key)
        idle(t)
    for codes in COLOUR.findall(t.raw):
        numbers = [int(n) for n in codes[2:-1].split(b";") if n]
        assert all(n < 30 for n in numbers), codes
    assert b"\x1b[7" in t.raw, "the selection is distinguished by reverse"


@pytest.mark.terminal
def test_a15_a16_hostile_text_is_spelled_out(sample: Start) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    t.send("t")
    assert t.wait_text(r"\[b\]x\[/b\] \\x1b\]52", 5), t.text()
    assert b"\x1b]52" not in t.raw
    assert b"\x1b]0" not in t.raw
    assert t.wait_text(r"\[@click=app.crash\]y"), t.text()


@pytest.mark.terminal
def test_a_small_window_shows_the_required_size_and_ignores_keys(sample: Start) -> None:
    t = sample("sample_places", cols=50, rows=12)
    assert t.wait_text("It needs 60×16, this is 50×12", 10), t.text()
    t.send("c")
    idle(t)
    assert t.alive()
    t.resize(80, 24)
    assert t.wait_text("ready", 5), t.text()
    t.send("d")
    assert t.wait_text("Unbind 1 user", 5)


@pytest.mark.terminal
def test_no_mouse_does_not_capture_the_mouse(sample: Start) -> None:
    t = sample("sample_places", "--no-mouse")
    assert t.wait_text("ready", 10)
    assert not {b"1000", b"1003", b"1006", b"1016"} & set(t.modes)
