"""The QR code from a camera's view: a picture of the terminal, read by a decoder that does not try inversion."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secconsole.config.locations import built_in_themes_dir
from tests.extent import further
from tests.terminal.terminal_driver import TERMINALS, Term, decode_qr

pytestmark = pytest.mark.terminal

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
URI = f"otpauth://totp/Example%20Corp:maria.ivanova@corp.example.com?secret={KEY}&issuer=Example%20Corp"  # version 6
THEMES = sorted(path.stem for path in built_in_themes_dir().glob("*.toml"))
FONTS = Path("/usr/share/fonts")
COLOURS = {
    "truecolor": {"term": "xterm-256color", "colorterm": "truecolor"},
    "256": {"term": "xterm-256color", "colorterm": ""},
    "16": {"term": "xterm", "colorterm": ""},
    "linux": {"term": "linux", "colorterm": ""},
    "no-color": {"term": "xterm-256color", "colorterm": "truecolor", "env": {"NO_COLOR": "1"}},
    "no-color-16": {"term": "xterm", "colorterm": "", "env": {"NO_COLOR": "1"}},
}
SCANNED = ("truecolor", "16", "no-color")  # always: the others choose among the same colours


@contextmanager
def sample(cols: int = 80, rows: int = 24, **terminal: object) -> Iterator[Term]:
    command = [sys.executable, "-m", "tests.terminal.sample_qr", URI]
    with Term(command, cols=cols, rows=rows, cwd=str(Path(__file__).parents[2]), **terminal) as term:
        assert term.wait_text(r"\[[a-z-]+\] ", 15) is not None, term.text()
        term.wait_quiet(0.1)
        yield term


def press(term: Term, key: str, until: str) -> None:
    """Press a key, and wait until the last line reports it and no more output comes."""
    term.press(key)
    assert term.wait_text(until, 5) is not None, term.text()
    term.wait_quiet(0.1)


def scanned(term: Term, **picture: object) -> bool:
    return decode_qr(term.picture(**picture)) == [URI]


def test_there_are_themes_to_try() -> None:
    assert {"secconsole-dark", "secconsole-light"} <= set(THEMES)


@pytest.mark.parametrize("colours", [c if c in SCANNED else further(c) for c in COLOURS])
def test_a_phone_reads_it_in_every_theme_and_terminal(colours: str) -> None:
    with sample(**COLOURS[colours]) as term:
        seen = set()
        while (found := term.find(r"\[([a-z-]+)\]")) and found[2][1] not in seen:
            seen.add(name := found[2][1])
            for terminal in TERMINALS:
                assert scanned(term, terminal=terminal), f"{name} in a {terminal} terminal"
            term.press("t")
            term.wait_text(rf"\[{name}\]", 5, gone=True)
            term.wait_quiet(0.1)
        assert seen == set(THEMES)


def test_the_code_with_hints_fits_an_ordinary_window() -> None:
    with sample(cols=80, rows=24) as term:
        assert scanned(term)
        assert term.lines()[0].endswith("Bind your phone")


@pytest.mark.skipif(not list(FONTS.rglob("DejaVuSansMono.ttf")), reason="needs the DejaVu Sans Mono font")
def test_blocks_drawn_by_the_font_are_readable() -> None:
    with sample() as term:
        sizes = (11, 12, 13, 14, 16, 18, 20)
        assert [size for size in sizes if scanned(term, font_blocks=True, size=size)] == list(sizes)


def test_the_other_font_uses_no_block_characters_at_all() -> None:
    with sample(cols=140, rows=50) as term:
        assert term.wait_words("▄"), term.text()
        press(term, "o", r"\] background")
        assert "▄" not in term.text()
        assert all(scanned(term, terminal=terminal) for terminal in TERMINALS)


def test_inverted_is_white_on_black() -> None:
    with sample() as term:
        press(term, "i", r"\] inverted")
        assert not scanned(term)
        assert decode_qr(term.picture(), invert=True) == [URI]


def test_a_low_window_says_how_many_rows_are_needed_and_shows_the_code_when_enlarged() -> None:
    with sample(rows=21) as term:
        assert "The QR code needs 22 rows, but this window has 21. Enlarge the window, or type the key." in " ".join(
            term.text().split()
        )
        assert "▄" not in term.text()
        term.resize(80, 22)
        assert term.wait_until(scanned, 5)


def test_a36_the_code_hides_without_focus_and_a_key_shows_it() -> None:
    with sample() as term:
        mark = term.mark()
        press(term, "\x1b[O", r"\] hidden")
        assert "Press any key to show it." in " ".join(term.text().split())
        assert not scanned(term)
        term.press("\x1b[I")
        term.wait_quiet(0.1)
        assert not scanned(term)
        press(term, "i", r"\] half-blocks")
        assert scanned(term)  # and not inverted: the key did nothing else
        assert KEY.encode() not in term.since(mark)
        press(term, "i", r"\] inverted")
