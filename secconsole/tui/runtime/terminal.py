"""Probing of the terminal before drawing on it.

Free of Textual, which reads the environment when imported.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Literal, Protocol

ColourDepth = Literal["truecolor", "256", "16", "none"]

WRONG_USAGE = 2
_WAY_OUT = "Use the command line instead, for example: secconsole user list --format table"

# Under a forced command the environment may come from the client: nothing in it may name code to load, a file to
# write or a program to start, for us or for a child. COLUMNS and LINES would override the size the terminal reports.
_UNWANTED = frozenset(
    {
        "TEXTUAL",
        "SSH_ORIGINAL_COMMAND",
        "BROWSER",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "COLUMNS",
        "LINES",
        "FORCE_COLOR",
        "TTY_COMPATIBLE",
        "TTY_INTERACTIVE",
        "UNICODE_VERSION",
        "ESCDELAY",
    }
)
_UNWANTED_PREFIXES = ("TEXTUAL_", "PYTHON", "JUPYTER")

# Terminals by the beginning of TERM whose terminfo has `bce`. GNU screen's and tmux's has not.
_ERASING = ("xterm", "linux", "rxvt", "alacritty", "foot", "kitty", "wezterm", "ghostty", "konsole", "vte", "putty")

# Textual draws the letter typed at once and what it finds in the next frame. At 60 frames a second, the default, that
# second frame waits longer than the search takes.
_FRAMES = {"TEXTUAL_FPS": "120"}


class Stream(Protocol):
    def isatty(self) -> bool: ...


@dataclass(frozen=True)
class Terminal:
    """The terminal as described by its environment."""

    depth: ColourDepth = "truecolor"
    light: bool = False
    ssh: bool = False
    tmux: bool = False
    screen: bool = False
    utf8: bool = True
    erases: bool = False  # in the current background colour, so that blanks need not be written


@dataclass(frozen=True)
class Refusal:
    """The reason why a full-screen program cannot run here, on one line that offers an alternative."""

    message: str
    exit_code: int = WRONG_USAGE


def scrub(environ: MutableMapping[str, str]) -> None:
    """Remove variables that could steer this program or its children.

    Call it before Textual is imported.
    """
    for name in [n for n in environ if n in _UNWANTED or n.startswith(_UNWANTED_PREFIXES)]:
        del environ[name]
    if environ.get("STY"):
        # GNU screen 4 reads a direct colour as other attributes. COLORTERM is that of the terminal around it.
        environ.pop("COLORTERM", None)


def probe(environ: Mapping[str, str], stdin: Stream, stderr: Stream) -> Terminal | Refusal:
    """Describe the terminal, read from stdin and drawn on stderr, or return why there is none."""
    for stream, what in ((stdin, "Standard input"), (stderr, "Standard error")):
        if not stream.isatty():
            return Refusal(f"{what} is not a terminal, and the console needs one. {_WAY_OUT}")
    term = environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        named = f"TERM is {term}" if term else "TERM is not set"
        return Refusal(f"{named}, so the console cannot draw here. {_WAY_OUT}")
    return Terminal(
        depth=_depth(environ),
        light=environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"),
        ssh=any(environ.get(n) for n in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")),
        tmux=bool(environ.get("TMUX")),
        screen=bool(environ.get("STY")),
        utf8=_utf8(environ),
        erases=_erases(environ),
    )


def _depth(environ: Mapping[str, str]) -> ColourDepth:
    """Return the colour depth.

    NO_COLOR counts if it is set and not empty (no-color.org).
    """
    if environ.get("NO_COLOR"):
        return "none"
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "truecolor"
    name, _, colours = environ.get("TERM", "").strip().lower().rpartition("-")
    return "256" if colours in ("256color", "kitty") or name == "xterm-kitty" else "16"


def _erases(environ: Mapping[str, str]) -> bool:
    """Return True if the terminal erases in the current background: `bce` in terminfo, which few systems have whole."""
    if environ.get("TMUX") or environ.get("STY"):
        return False
    return environ.get("TERM", "").startswith(_ERASING)


def _utf8(environ: Mapping[str, str]) -> bool:
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return "utf8" in locale.lower().replace("-", "")


@contextlib.contextmanager
def hushed(fd: int) -> Iterator[None]:
    """Set the terminal up for a full-screen program at once, and restore it at the end.

    Otherwise keys typed while the program is loading would be echoed, a password among them, and Enter would arrive as
    a line feed.
    """
    try:
        before = termios.tcgetattr(fd)
        quiet = termios.tcgetattr(fd)
        quiet[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR)
        quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        termios.tcsetattr(fd, termios.TCSANOW, quiet)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSANOW, before)


def enter(console: Callable[[Terminal], int]) -> int:
    """Scrub, probe, and run a console that may import Textual only now.

    Return its exit code, or a refusal's.
    """
    scrub(os.environ)
    os.environ.update(_FRAMES)
    found = probe(os.environ, sys.stdin, sys.stderr)
    if isinstance(found, Refusal):
        sys.stderr.write(found.message + "\n")
        return found.exit_code
    try:
        with hushed(sys.stdin.fileno()):
            code = console(found)
    except KeyboardInterrupt:  # only while it is loading: once it runs, Ctrl+C is a key
        code = 128 + signal.SIGINT
    if sys.flags.inspect or sys.flags.interactive:
        # PYTHONINSPECT was read before our first line; only leaving past the interpreter's own end avoids its prompt.
        sys.stdout.flush()
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)
    return code
