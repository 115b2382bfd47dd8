"""Base of the app: themes, ordered keys, signals, crash reports and notifications."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.geometry import Offset
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerFailed, WorkerState
from textual.worker_manager import WorkerManager

from secconsole.config import locations
from secconsole.config.report import last_words, write_report
from secconsole.domain.errors import SecconsoleError
from secconsole.tui.runtime import crash, themes
from secconsole.tui.runtime.ascii_only import AsciiOnly
from secconsole.tui.runtime.driver import ConsoleDriver
from secconsole.tui.runtime.key_queue import KeyHold, KeyQueue, Typed
from secconsole.tui.runtime.notifying_app import NotifyingApp
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.runtime.too_small import TooSmall

QUIT_KEYS = frozenset({"ctrl+q", "ctrl+c"})
READING = frozenset({"load", "figures", "preview", "new", "detail"})  # work that no key asked for
_GRACE = 3.0  # seconds for a clean end after a signal; then the terminal is restored and the process exits


class _Workers(WorkerManager):
    """Reports errors of background work that nobody awaits, without ending the program."""

    def _remove_worker(self, worker: Worker[Any]) -> None:
        super()._remove_worker(worker)
        if worker.state is WorkerState.ERROR and not worker.exit_on_error and worker.error is not None:
            app = self._app
            assert isinstance(app, ConsoleApp)
            if worker.group in READING:
                app.reading_failed(worker.error)
            else:
                app.work_failed(worker.error)


class ConsoleApp(NotifyingApp):
    """Base of the console and of its samples.

    Textual calls the `on_…` handlers of every class itself: a subclass has its
    own `on_mount` and never calls this one.
    """

    CSS_PATH = Path(__file__).parents[1] / "styles" / "base.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", show=False, priority=True)]
    ALLOW_SELECT = True
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self, terminal: Terminal | None = None, theme: str | None = None, *, mouse: bool = True, read_only: bool = False
    ) -> None:
        self.terminal = terminal or Terminal()
        # GNU screen takes the reports of a mouse for keys: an Escape pressed after one is lost.
        self.mouse = mouse and not self.terminal.screen
        self.read_only = read_only
        self.loaded_themes = themes.load()
        self._own_themes: dict[str, Theme] = {
            name: themes.to_textual(file) for name, file in self.loaded_themes.themes.items()
        }
        wanted, self._theme_problem = themes.choose(theme, self.terminal, self.loaded_themes)
        # Textual's __init__ chooses filters and initial variables from the theme set by then.
        self._reactive_theme = wanted
        self._key_queue = KeyQueue(self)
        self.latest_key = ""
        self._crashed: Exception | None = None
        self._ending = False
        super().__init__(driver_class=ConsoleDriver, ansi_color=True if self.terminal.depth == "none" else None)
        self._workers = _Workers(self)
        self.no_color = self.terminal.depth == "none"
        self._no_colour = [themes.NoColour()]
        self._ascii_only = AsciiOnly()
        self.animation_level = "none"

    # ---- start and end ---------------------------------------------------------------------------------------------

    def run_console(self) -> int:
        """Run to the end and return the exit code.

        No traceback ever reaches the terminal.
        """
        crash.install()
        try:
            answer = self.run(mouse=self.mouse)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        except Exception as error:
            if self._ending:  # the terminal is gone: errors on the way out only reflect that
                return self.return_code or crash.EXIT_CODE
            sys.stderr.write(last_words(error, write_report(error)) + "\n")
            return crash.EXIT_CODE
        if self._crashed is not None:
            return crash.EXIT_CODE
        return answer if answer is not None else (self.return_code or 0)

    def on_load(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(crash.in_loop)
        if not self.is_headless:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.end, 128 + number)

    def on_mount(self) -> None:
        self.screen_change_signal.subscribe(self, self._on_screen_changed)
        self.theme_changed_signal.subscribe(self, self._on_theme_changed)
        self._theme_watch = themes.ThemeWatcher(self)
        self.set_interval(themes.WATCH_EVERY, self._theme_watch.poll, name="theme file")
        for problem in (*self.loaded_themes.problems, *self._theme_problem):
            self.notify(problem, title="Theme", severity="warning", timeout=10)

    def end(self, code: int = 0) -> None:
        """Exit after a signal or a lost terminal, cleanly if the program still responds, and in any case."""
        if self._ending:
            return
        self._ending = True
        self._key_queue.clear()
        self.exit(code, return_code=code)
        asyncio.get_running_loop().call_later(_GRACE, self._end_anyway, code)

    def _end_anyway(self, code: int) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.stop_application_mode()
            self._driver.close()
        os._exit(code)

    async def action_quit(self) -> None:
        self.exit(0)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def hold_keys(self) -> KeyHold:
        """Hold keys until `release()`, or as `async with`: for work that ends with another screen on top."""
        return KeyHold(self._key_queue)

    @property
    def keys_settled(self) -> bool:
        """Return True if all input has been acted on."""
        return self._key_queue.settled

    async def wait_keys_idle(self) -> None:
        """Wait until all input has been acted on, before showing a screen that the user does not expect."""
        await self._key_queue.wait_idle()

    async def wait_key_dispatched(self) -> None:
        """Wait for the key dispatched last.

        With keys held, no other follows it.
        """
        await self._key_queue.wait_dispatched()

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif isinstance(event, events.Key) and event.key in QUIT_KEYS and not self._copies(event.key):
            self._key_queue.clear()
            await self.action_quit()
        elif TooSmall.needed(*self.size):
            return  # nobody acts on what they cannot see
        else:
            if not self._key_queue.add(event):
                self.bell()
            await self._key_queue.next()

    def lend_keys(self) -> tuple[KeyHold, ...]:
        """Let keys through although work in progress holds them, and return the holds to take back."""
        lent = tuple(self._key_queue.holds)
        for hold in lent:
            hold.lend()
        return lent

    @property
    def keys_held(self) -> bool:
        """Return True if keys wait for work in progress."""
        return bool(self._key_queue.holds)

    def has_typed(self, key: str) -> bool:
        """Return True if a key waits to be acted on."""
        return self._key_queue.holds_key(key)

    def forget_typed(self) -> None:
        """Drop input that has not been acted on yet."""
        self._key_queue.clear()

    def _copies(self, key: str) -> bool:
        return key == "ctrl+c" and bool(self._screen_stack and self.screen.get_selected_text())

    def top_screen(self) -> Screen[object] | None:
        """Return the screen that takes keys.

        None while only Textual's blank one is there.
        """
        if not self._screen_stack:
            return None
        screen = self.screen
        blank = type(screen) is Screen and not any(not child.has_class("-textual-system") for child in screen.children)
        return None if blank else screen

    async def dispatch(self, typed: Typed) -> Sequence[MessagePump]:
        """Act on one key as Textual does, and return the queues that it still has to go through.

        Those of a forwarded key are returned twice: the app finds a binding of the focused widget at the end of the
        first round, and running it may post messages that begin at the widget again.
        """
        if not self.app_focus:
            self.app_focus = True
        target = self.focused or self.screen
        self.latest_key = typed.key if isinstance(typed, events.Key) else ""
        await super().on_event(typed)
        return list(target.ancestors_with_self) * 2 if typed.is_forwarded else [self.screen, self]

    async def push_screen_wait(self, screen: Any, *, mode: str | None = None) -> Any:
        """Push a screen as Textual does.

        Waiting keys go to it while it is awaited, whatever holds them. A busy dialog may open another one, for password
        and factor for example, which has to take keys.
        """
        await self._flush_next_callbacks()
        answer = self.push_screen(screen, wait_for_dismiss=True, mode=mode)
        lent = self.lend_keys()
        try:
            return await asyncio.shield(answer)
        finally:
            for hold in lent:
                hold.take_back()

    # ---- failed work -----------------------------------------------------------------------------------------------

    def work_failed(self, error: BaseException) -> None:
        """Report failed background work, and release the keys that it may have held.

        Keys typed ahead are dropped: they were meant for a screen that did not come.
        """
        self._key_queue.clear()
        self._key_queue.release_all()
        self.notify_failed(error)

    def reading_failed(self, error: BaseException) -> None:
        """Report that data on the screen could not be loaded, without a key having asked for it."""
        self.notify_failed(error)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Return none of Textual's commands: a screenshot would write secrets on the screen to a file."""
        return ()

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Do nothing, see `get_system_commands`."""

    def action_suspend_process(self) -> None:
        """Do nothing: under a forced command there is no shell to return to, and there must be none."""

    # ---- errors ----------------------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        if isinstance(error, WorkerFailed) and isinstance(error.error, SecconsoleError):
            self.work_failed(error.error)
            return
        self._return_code = crash.EXIT_CODE
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._fatal_error()

    def _fatal_error(self) -> None:
        error = self._exception
        if error is not None and self._crashed is None:
            self._crashed = error
            words = last_words(error, None if self.is_headless else write_report(error))
            self._exit_renderables.append(Text(words, no_wrap=True, overflow="ignore"))
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        for words in self._exit_renderables[:1]:
            try:
                sys.__stderr__ and sys.__stderr__.write(f"{words}\n")
            except OSError:
                break
        self._exit_renderables.clear()

    # ---- looks -----------------------------------------------------------------------------------------------------

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Themes of this program only: Textual's lack variables that the screens use."""
        return self._own_themes

    def register_theme(self, theme: Theme) -> None:
        """Ignore the themes that Textual registers at start."""

    def set_own_theme(self, theme: Theme) -> None:
        """Add or replace a theme.

        The active one is redrawn at once.
        """
        self._own_themes[theme.name] = theme
        if theme.name == self.theme:
            self._watch_theme(theme.name)

    def set_theme(self, theme: str) -> None:
        """Change the theme, and show how to keep it."""
        self.theme = theme
        self.notify(f'To keep it: theme = "{theme}" in {locations.config_path()}', timeout=6)

    def toggle_mouse(self) -> None:
        """Take the mouse, or leave it to the terminal."""
        if isinstance(self._driver, ConsoleDriver):
            self.mouse = not self.mouse
            self._driver.use_mouse(self.mouse)
            self.notify_done("The mouse works here now." if self.mouse else "The mouse is the terminal's now.")

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = self._no_colour if self.no_color else super().get_line_filters()
        return filters if self.terminal.utf8 else [*filters, self._ascii_only]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.VARIABLE_DEFAULTS

    def _on_theme_changed(self, theme: Theme) -> None:
        self._theme_watch.follow(theme.name)

    def _on_screen_changed(self, screen: Screen[Any]) -> None:
        self.cursor_position = Offset(0, 0)  # none has been drawn there; a field sets it when it is
        if screen.focused is not None:
            screen.focused.refresh()
        self.call_later(self._cover_if_small)
        self._key_queue.proceed()

    def on_resize(self) -> None:
        self.call_later(self._cover_if_small)  # once Textual knows the new size

    async def _cover_if_small(self) -> None:
        if not self._screen_stack:
            return
        covers = self.screen.query(TooSmall)
        if TooSmall.needed(*self.size):
            if covers:
                covers.first().refresh()
            else:
                await self.screen.mount(TooSmall())
        elif covers:
            await covers.remove()
