"""A driver that sends only what changes on the screen, and that notices when its terminal is gone.

Textual composes whole rows and sends some of them several times, which makes users of slow connections wait.
"""

from __future__ import annotations

import select
import signal
import sys
import threading
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.messages import InBandWindowResize

from secconsole.tui.runtime.output.shown import Shown

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

_SYNC_START, _SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
_ONE_PACKET = 512  # bytes: a shorter frame arrives as one piece, and the terminal need not be asked to wait for its end


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
        self._shown = Shown(erases=bool(getattr(getattr(app, "terminal", None), "erases", False)))
        self._frame: list[str] | None = None  # parts of the frame that is being written
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
        if data == _SYNC_START:
            self._frame = []
            return
        if data == _SYNC_END and self._frame is not None:
            frame, self._frame = "".join(self._frame), None
            data = frame if len(frame) <= _ONE_PACKET else f"{_SYNC_START}{frame}{_SYNC_END}"
        else:
            data = self._shown.changes(data, (size[0], size[1]))
        if data and self._frame is not None:
            self._frame.append(data)
        elif data:
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
