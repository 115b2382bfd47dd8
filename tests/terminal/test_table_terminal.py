"""The table in a real terminal: bytes per key press, memory with a million rows, hostile cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import median

import pytest

from tests.terminal.sample_table import HOSTILE
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]

MILLION = 1_000_000
CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[78]")
HARMLESS = re.compile(rb"\x1b\[(?:[0-9;]*m|[0-9;]*H|[0-9]*[CKX]|\?2026[hl]|\?25[hl])|\x1b[78]")


def table(term: Start, *words: str, **options: object) -> Term:
    opened = term("-m", "tests.terminal.sample_table", *words, **options)
    assert opened.wait_text(r"▌", 15) is not None, opened.text()
    opened.wait_quiet(0.2)
    return opened


def test_a_cursor_step_costs_200_bytes_and_a_page_1600(term: Start) -> None:
    opened = table(term, str(MILLION), cols=80, rows=24)
    steps = [opened.key("down", quiet=0.08).nbytes for _ in range(33)]
    assert 0 < median(steps) <= 200
    over_the_edge = [cost for cost in steps if cost > 300]
    assert len(over_the_edge) <= 2  # half a window at a time
    assert 0 < max(over_the_edge) <= 2_000  # a page and a step, and rows that arrive late
    for key in ("pagedown", "pagedown", "end", "home", "m", "pageup"):
        assert 100 < opened.key(key, quiet=0.3).nbytes <= 1_700, key
    opened.key("up", quiet=0.08)
    assert opened.key("space", quiet=0.15).nbytes <= 300  # the mark's row and the next one
    assert opened.key("u", quiet=0.3).nbytes == 0  # reloaded, nothing changed


def test_a_step_costs_no_more_in_a_large_window(term: Start) -> None:
    opened = table(term, str(MILLION), cols=200, rows=60)
    assert 0 < median(opened.key("down", quiet=0.08).nbytes for _ in range(5)) <= 200


def test_memory_stays_constant_over_a_million_rows(term: Start) -> None:
    opened = table(term, str(MILLION), cols=80, rows=24)
    before = opened.rss()
    for key, row in (("end", "0999999"), ("home", "0000000"), ("m", "0500000"), ("pagedown", "0500022")):
        opened.press(key)
        assert opened.wait_text(row, 5) is not None, opened.text()
    for _ in range(300):
        opened.press("pagedown")
    opened.wait_quiet(0.3)
    opened.press("r")
    assert opened.wait_text(r"peak \d+ MiB", 5) is not None
    assert opened.rss() - before < 10


def test_hostile_cells_reach_the_terminal_as_harmless_text(term: Start) -> None:
    opened = table(term, "100", "hostile", cols=120, rows=30)
    mark = opened.mark()
    for key in ("pagedown", "end", "up", "space", "home"):
        opened.key(key, quiet=0.1)
    sent = opened.since(mark)
    assert all(HARMLESS.fullmatch(sequence) for sequence in CSI.findall(sent))
    text = CSI.sub(b"", sent).decode()
    assert not [c for c in text if not c.isprintable() and c not in "\r\n"]
    shown = opened.text()
    for spelled in (r"\x1b]0;owned", "[b]bold[/b]", r"\u202egnp", r"a\x9bb", r"new\x0aline", r"zero\u200b"):
        assert spelled in shown
    assert opened.wait_until(lambda t: len([line for line in t.lines() if line.strip()]) >= min(len(HOSTILE) * 3, 28))
