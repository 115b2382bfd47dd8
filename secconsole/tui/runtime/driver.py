"""A driver that sends only what changes on the screen, and that notices when its terminal is gone.

Textual composes whole rows and sends some of them several times, which makes users of slow connections wait.
"""

from __future__ import annotations

import re
import select
import signal
import sys
import threading
from functools import lru_cache
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, cast

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.messages import InBandWindowResize

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
# One styled piece as Textual writes it: style on, text, style off; or text in the default style.
_PIECE = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)\x1b\[0m|([^\x1b]+)")
# Sequences that change no cell: modes other than the alternate screen's, queries, keyboard protocol, strings, bell.
_HARMLESS = re.compile(
    r"(?:\x07|\x1b\[\?(?!1049|1047|47[hl]|3[hl])[0-9;]*[hl]|\x1b\[\??[0-9;]*\$p|\x1b\[[<>=][0-9;]*u"
    r"|\x1b[\]P][^\x07\x1b]*(?:\x1b\x1b[^\x07\x1b]*)*(?:\x07|\x1b\\))*\Z"
)
# Characters that every terminal draws one cell wide; a few terminals disagree about the others.
_SURE = re.compile(
    r"[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2500-\u25fc]*\Z"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ANY = 10_000  # cells: more than any screen has
_WORTH_A_JUMP = 9  # bytes: about the cost of moving the cursor past a piece


Piece = tuple[str, str]  # the codes of its style, its text


class _Pen:
    """Writes pieces, changing only the style attributes that differ.

    When idle, no style is set.
    """

    def __init__(self) -> None:
        self.out: list[str] = []
        self._style = ""

    def write(self, piece: Piece) -> None:
        self.out.append(restyle(self._style, piece[0]) + piece[1])
        self._style = piece[0]

    def cost(self, piece: Piece) -> int:
        """Return about how many bytes the piece takes."""
        return len(piece[1]) + (len(piece[0]) if piece[0] != self._style else 0)

    def reset(self) -> None:
        self.out.append(restyle(self._style, ""))
        self._style = ""


@lru_cache(4096)
def restyle(old: str, new: str) -> str:
    """Return the shortest change between two styles, both given as the codes that set them from none."""
    if old == new:
        return ""
    was, ink, ground = _parts(old)
    now, new_ink, new_ground = _parts(new)
    # A code that ends one attribute may end another too (22 ends bold and dim), so all are reset, and the rest is set
    # once more.
    if not was <= now:
        codes = [*sorted(now), new_ink, new_ground]
        return f"\x1b[{';'.join(['0', *filter(None, codes)])}m"
    codes = sorted(now - was)
    if ink != new_ink:
        codes.append(new_ink or "39")
    if ground != new_ground:
        codes.append(new_ground or "49")
    reset = "\x1b[0m"
    change = f"\x1b[{';'.join(codes)}m" if codes else ""
    return reset if not new and len(reset) <= len(change) else change


def _parts(style: str) -> tuple[frozenset[str], str, str]:
    """Return attributes, foreground and background.

    A default colour is empty.
    """
    rest, ink, ground = set(), "", ""
    codes = iter(style.split(";")) if style else iter(())
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "")
            colour = ";".join([code, kind, *(next(codes, "0") for _ in range(3 if kind == "2" else 1))])
        elif code in ("39", "49"):
            colour = ""
        else:
            colour = code
        number = int(code or 0)
        if 30 <= number <= 39 or 90 <= number <= 97:
            ink = colour
        elif 40 <= number <= 49 or 100 <= number <= 107:
            ground = colour
        else:
            rest.add(code)
    return frozenset(rest), ink, ground


class Shown:
    """Content of the screen, as styled pieces by row and column."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, tuple[Piece, int]]] = {}
        self._cursor: tuple[int, int] | None = None

    def forget(self) -> None:
        """Forget the screen, so that the next frame is sent whole."""
        self._rows.clear()
        self._cursor = None

    def changes(self, data: str, size: tuple[int, int] | None = None) -> str:
        """Return the part of one write that changes a screen of this size, in columns and rows.

        Pass on unknown sequences and forget the screen. A frame composed before the window shrank reaches beyond the
        screen, where a terminal would write into its last row and column: that part is dropped.
        """
        columns, rows = size or (_ANY, _ANY)
        if _MOVE.match(data) is None:
            if not _HARMLESS.match(data):
                self.forget()
            return data
        moves = _MOVE.split(data)
        pen = _Pen()
        last = len(moves) - 3
        for i in range(1, len(moves), 3):
            y, x, body = int(moves[i]), int(moves[i + 1]), moves[i + 2].rstrip("\n")
            if body and (y > rows or x > columns):
                continue
            if body:
                pieces = self._pieces(body)
                if pieces is None:
                    self.forget()
                    return data
                self._row(y, x, _within(pieces, columns + 1 - x), pen)
            elif i == last and (pen.out or self._cursor != (y, x)):
                pen.reset()
                pen.out.append(f"\x1b[{y};{x}H")
                self._cursor = (y, x)
        pen.reset()
        return "".join(pen.out)

    def _pieces(self, body: str) -> list[Piece] | None:
        """Return the pieces of a row.

        None if it contains anything else: a link, a control, a mark without a letter.
        """
        found: list[Piece] = []
        at = 0
        for match in _PIECE.finditer(body):
            if match.start() != at:
                return None
            at = match.end()
            style, text = (match[1], match[2]) if match[3] is None else ("", match[3])
            if _CONTROL.search(text) or (text and not text[0].isascii() and not cell_len(text[0])):
                return None
            if text:
                found.append((style, text))
        return found if at == len(body) else None

    def _row(self, y: int, x: int, pieces: list[Piece], pen: _Pen) -> None:
        row = self._rows.setdefault(y, {})
        at: int | None = None  # the column the terminal would write at, if known without moving
        waiting: list[Piece] = []  # pieces already shown, cheaper to send again than to skip
        for piece in pieces:
            text = piece[1]
            sure = _SURE.match(text) is not None
            known = row.get(x)
            if known is not None and known[0] == piece:
                if not sure:
                    at = None
                if at is not None:
                    waiting.append(piece)
                x += known[1]
                continue
            width = len(text) if sure else cell_len(text)
            if at is None or sum(pen.cost(known_piece) for known_piece in waiting) >= _WORTH_A_JUMP:
                pen.out.append(f"\x1b[{y};{x}H")
                self._cursor = None
                waiting.clear()
            for shown in (*waiting, piece):
                pen.write(shown)
            waiting.clear()
            self._cover(row, x, width, certain=sure)
            row[x] = (piece, width)
            x += width
            # A terminal may give such a character another width, so jump to the position of the next one.
            at = x if sure else None

    @staticmethod
    def _cover(row: dict[int, tuple[Piece, int]], x: int, width: int, *, certain: bool) -> None:
        """Forget the pieces that were overwritten, and all to the right if the width is uncertain."""
        end = x + width
        for start in [s for s, (_, w) in row.items() if (s < end and s + w > x) or (s >= x and not certain)]:
            del row[start]


def _within(pieces: list[Piece], room: int) -> list[Piece]:
    """Return the pieces cut to that many cells."""
    if 2 * sum(len(text) for _, text in pieces) <= room:  # no character is wider than two
        return pieces
    kept: list[Piece] = []
    for style, text in pieces:
        width = cell_len(text)
        if width > room:
            return [*kept, (style, set_cell_size(text, room))] if room else kept
        kept.append((style, text))
        room -= width
    return kept


class _Output:
    """The terminal as a file that may vanish: writing to it then ends the program without an error."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.dead = False

    def write(self, text: str) -> int:
        if not self.dead:
            try:
                return self._file.write(text)
            except (OSError, ValueError):
                self.dead = True
        return len(text)

    def flush(self) -> None:
        if not self.dead:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self.dead = True

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


class ConsoleDriver(LinuxDriver):
    """Textual's terminal driver with less output, no access to a shell, and an end after a hang-up."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("Any", _Output(cast("IO[str]", sys.__stderr__)))
        self._shown = Shown()
        self._stale = False
        self._drawn_size: tuple[int, int] | None = None
        # A stop signal would hand the terminal to our parent process; after SIGSTOP everything is redrawn.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        signal.signal(signal.SIGCONT, self._on_continued)

    @property
    def can_suspend(self) -> bool:
        return False

    def write(self, data: str) -> None:
        size = tuple(self._app.size)
        # After a change of size the terminal has moved its content, so nothing is known of it any more.
        if self._stale or size != self._drawn_size:
            self._stale = False
            self._drawn_size = (size[0], size[1])
            self._shown.forget()
        data = self._shown.changes(data, (size[0], size[1]))
        if data:
            super().write(data)

    def open_url(self, url: str, new_tab: bool = True) -> None:
        """Do nothing: no program is started from here, and the address is on the screen to be read."""

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        resized = signal.getsignal(signal.SIGWINCH)

        def on_resized(number: int, frame: FrameType | None) -> None:
            self._stale = True
            if callable(resized):
                resized(number, frame)

        signal.signal(signal.SIGWINCH, on_resized)
        threading.Thread(target=self._watch_line, name="console-line", daemon=True).start()

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Resize | InBandWindowResize):
            self._stale = True
        super().process_message(message)

    def _on_continued(self, number: int, frame: FrameType | None) -> None:
        self._stale = True
        self._loop.call_soon_threadsafe(self._app.refresh)

    def _watch_line(self) -> None:
        """Sleep until the terminal is gone.

        Reading a dead one returns at once forever, and no signal need come.
        """
        watch = select.poll()
        watch.register(self.fileno, 0)
        try:
            gone = any(event & (select.POLLHUP | select.POLLERR) for _, event in watch.poll())
        except OSError:
            gone = True
        if gone:
            self._hung_up()

    def use_mouse(self, wanted: bool) -> None:
        """Take the mouse, or leave it to the terminal."""
        if wanted:
            self._mouse = True
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()
            self._mouse = False

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._hung_up()
        except Exception as error:
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)

    def _hung_up(self) -> None:
        end = getattr(self._app, "end", self._app.exit)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(end, 128 + signal.SIGHUP)
