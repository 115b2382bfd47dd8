"""`python -m bench.recording`: record a tour of the running program as an animated picture and as text."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.console import ROOT, await_text, terminal
from bench.stores import Stores
from tests.terminal.terminal_driver import Term, font_file

PICTURE = ROOT / "docs" / "img" / "tour.gif"
PAGE = ROOT / "docs" / "tour.md"
USERS = 500
CELL = (9, 18)
SHOWN = 3500  # milliseconds a scene
_COLOURS = 64


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene: its line, the keys that lead to it, and what the screen then shows."""

    words: str
    act: Callable[[Term], None]
    shows: str


def _keys(*names: str) -> Callable[[Term], None]:
    return lambda term: term.press(*names, gap=0.1)


def _search(term: Term) -> None:
    term.press("2")
    await_text(term, "Signed in")
    term.press("/")
    term.wait_quiet(0.4)
    term.type("marek.novak", gap=0.05)
    await_text(term, "of 500 users")
    term.press("enter")


def _settings(term: Term) -> None:
    """Leave the dialog first: an Escape with a key right behind it would be another key."""
    term.press("escape")
    term.wait_quiet(0.8)
    term.press("4")
    await_text(term, r"\(•\) required")
    term.press("left")


SCENES = (
    Scene("Sign in. In a demo, one key picks an account.", lambda term: None, "sign in as one of them"),
    Scene("Overview: who is bound, who is missing, and what needs attention.", _keys("1"), "Needs attention"),
    Scene("Users: search as you type. A look-alike is pointed out.", _search, "look twice|Looks like"),
    Scene("Unbind: who it is, what happens, and why. It can be undone.", _keys("u"), "What happens"),
    Scene("Settings: the impact of a policy, before it is changed.", _settings, "If you switch to"),
    Scene("Audit: every change, with who did it and why.", _keys("5"), "verify|Verify"),
)


def main() -> int:
    if font_file() is None:
        sys.stderr.write("The pictures need the font DejaVu Sans Mono (Debian: fonts-dejavu-core).\n")
        return 1
    frames: list[Image.Image] = []
    pages: list[str] = []
    with tempfile.TemporaryDirectory(prefix="secconsole-recording-") as folder:
        stores = Stores(Path(folder), lambda text: None)
        with stores.copy(USERS, "recording") as home, terminal(home, "--theme", "secconsole-dark") as term:
            for number, scene in enumerate(SCENES, 1):
                scene.act(term)
                await_text(term, scene.shows)
                term.wait_quiet(0.8, 10)
                frames.append(term.picture(cell=CELL).quantize(_COLOURS, dither=Image.Dither.NONE))
                screen = "\n".join(line.rstrip() for line in term.lines())
                pages.append(f"## {number}. {scene.words}\n\n```\n{screen}\n```\n")
    frames[0].save(PICTURE, save_all=True, append_images=frames[1:], duration=SHOWN, loop=0, optimize=True)
    heading = "# A tour\n\nRecorded from the running program by `make pictures`.\n"
    PAGE.write_text("\n".join([heading, *pages]), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}  {len(frames)} scenes  {PICTURE.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
