"""The ground every screen of the console stands on: colours, keys in order, signals, crashes, words to the person."""

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
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message_pump import MessagePump
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerFailed, WorkerState
from textual.worker_manager import WorkerManager

from secconsole.config.report import last_words, write_report
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.text import visible
from secconsole.tui import clipboard, crash, themes
from secconsole.tui.driver import ConsoleDriver
from secconsole.tui.key_order import KeyHold, KeyOrder, Typed
from secconsole.tui.terminal import Terminal
from secconsole.tui.widgets.too_small import TooSmall

QUIT_KEYS = frozenset({"ctrl+q", "ctrl+c"})
READING = frozenset({"load", "figures", "preview", "new", "detail"})  # work that nobody asked for by a key
_GRACE = 3.0  # seconds for a clean end after a signal; then the terminal is put back and the process goes


class _Workers(WorkerManager):
    """Work that may fail without ending the program, and whose error nobody took, is still told of."""

    def _remove_worker(self, worker: Worker[Any]) -> None:
        super()._remove_worker(worker)
        if worker.state is WorkerState.ERROR and not worker.exit_on_error and worker.error is not None:
            app = self._app
            assert isinstance(app, ConsoleApp)
            if worker.group in READING:
                app.reading_failed(worker.error)
            else:
                app.work_failed(worker.error)


class ConsoleApp(App[int]):
    """Base of the console and of every sample of it; `run_console()` gives the exit code.

    Textual calls the `on_…` handlers of every class itself: a subclass has its own `on_mount` and never calls this.
    """

    CSS_PATH = Path(__file__).parent / "styles" / "base.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", show=False, priority=True)]
    ALLOW_SELECT = True
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self, terminal: Terminal | None = None, theme: str | None = None, *, mouse: bool = True, read_only: bool = False
    ) -> None:
        self.terminal = terminal or Terminal()
        self.mouse = mouse
        self.read_only = read_only
        self.loaded_themes = themes.load()
        self._own_themes: dict[str, Theme] = {
            name: themes.to_textual(file) for name, file in self.loaded_themes.themes.items()
        }
        wanted, self._theme_problem = themes.choose(theme, self.terminal, self.loaded_themes)
        # Textual decides on filters and first variables in its __init__, from the theme that is set by then.
        self._reactive_theme = wanted
        self._key_order = KeyOrder(self)
        self._crashed: Exception | None = None
        self._ending = False
        super().__init__(driver_class=ConsoleDriver, ansi_color=True if self.terminal.depth == "none" else None)
        self._workers = _Workers(self)
        self.no_color = self.terminal.depth == "none"
        self._no_colour = [themes.NoColour()]
        self.animation_level = "none"

    # ---- start and end ---------------------------------------------------------------------------------------------

    def run_console(self) -> int:
        """Run to the end and give the exit code; nothing that happens leaves a traceback on the terminal."""
        crash.install()
        try:
            answer = self.run(mouse=self.mouse)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        except Exception as error:
            if self._ending:  # the line is dead: what fails on the way out is only that
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
        """Leave now, from a signal or a dead line: cleanly if the program still moves, and at any rate."""
        if self._ending:
            return
        self._ending = True
        self._key_order.clear()
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
        """Keep keys waiting until `release()`, or as `async with`: for work that ends with another screen on top."""
        return KeyHold(self._key_order)

    @property
    def keys_settled(self) -> bool:
        """Whether everything typed has been acted on."""
        return self._key_order.settled

    async def keys_at_rest(self) -> None:
        """Wait until everything typed has been acted on, before showing what whoever typed it does not know of."""
        await self._key_order.rest()

    async def key_acted_on(self) -> None:
        """Wait for the key that was sent off last; with keys held, nothing is typed after that."""
        await self._key_order.acted()

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif isinstance(event, events.Key) and event.key in QUIT_KEYS and not self._copies(event.key):
            self._key_order.clear()
            await self.action_quit()
        elif TooSmall.needed(*self.size):
            return  # nobody acts on what they cannot see
        else:
            if not self._key_order.add(event):
                self.bell()
            await self._key_order.next()

    def lend_keys(self) -> tuple[KeyHold, ...]:
        """Let keys go although work under way holds them, until each hold is taken back; those that were held."""
        lent = tuple(self._key_order.holds)
        for hold in lent:
            hold.lend()
        return lent

    @property
    def keys_held(self) -> bool:
        """Whether keys wait for work that is still under way."""
        return bool(self._key_order.holds)

    def has_typed(self, key: str) -> bool:
        """Whether a key was pressed that has not been acted on yet."""
        return self._key_order.holds_key(key)

    def forget_typed(self) -> None:
        """Act on nothing that was typed and still waits."""
        self._key_order.clear()

    def _copies(self, key: str) -> bool:
        return key == "ctrl+c" and bool(self._screen_stack and self.screen.get_selected_text())

    def top_screen(self) -> Screen[object] | None:
        """The screen that takes keys; none while only Textual's own blank one is there."""
        if not self._screen_stack:
            return None
        screen = self.screen
        blank = type(screen) is Screen and not any(not child.has_class("-textual-system") for child in screen.children)
        return None if blank else screen

    async def dispatch(self, typed: Typed) -> Sequence[MessagePump]:
        """Act on one key as Textual does; the queues it still has to go through.

        Those of a forwarded key twice: a binding of the focused widget is found by the app, at the end of the first
        round, and what it does may post messages that begin at the widget again.
        """
        if not self.app_focus:
            self.app_focus = True
        target = self.focused or self.screen
        await super().on_event(typed)
        return list(target.ancestors_with_self) * 2 if typed.is_forwarded else [self.screen, self]

    async def push_screen_wait(self, screen: Any, *, mode: str | None = None) -> Any:
        """As Textual's; keys that wait go to the new screen while it is waited for, whoever made them wait.

        A dialog that is busy may ask another one, for password and factor say, and that one has to take keys.
        """
        await self._flush_next_callbacks()
        answer = self.push_screen(screen, wait_for_dismiss=True, mode=mode)
        lent = self.lend_keys()
        try:
            return await asyncio.shield(answer)
        finally:
            for hold in lent:
                hold.take_back()

    # ---- words to the person ---------------------------------------------------------------------------------------

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """A toast. Its text is always literal and visible, whatever is in it; the lines of it stay lines."""
        shown = "\n".join(visible(line) for line in message.split("\n"))
        super().notify(shown, title=visible(title), severity=severity, timeout=timeout, markup=False)

    def say_why(self, reason: str) -> None:
        """Why the key just pressed cannot act. Takes the place of what was said before."""
        self.clear_notifications()
        self.notify(reason, severity="warning", timeout=4)

    def say_failed(self, error: BaseException) -> None:
        """Tell of an error: in its own words if it is one of ours, else that there is a report."""
        if isinstance(error, SecconsoleError):
            self.notify(error.message, severity="error", timeout=8)
            return
        path = write_report(error)
        where = f"\nReport: {path}" if path else ""
        what = f"That did not work: an internal error ({type(error).__name__}).{where}"
        self.notify(what, severity="error", timeout=12)

    def work_failed(self, error: BaseException) -> None:
        """Work in the background failed: tell of it, and let go of the keys that it may have held.

        Keys typed ahead are forgotten: they were meant for what did not come.
        """
        self._key_order.clear()
        self._key_order.release_all()
        self.say_failed(error)

    def reading_failed(self, error: BaseException) -> None:
        """Something that is shown could not be read, without anybody having pressed a key for it."""
        self.say_failed(error)

    def copy_to_clipboard(self, text: str) -> None:
        """Hand the text to the terminal, and say no more than that. Nothing of it is kept here: it may be a secret."""
        data = clipboard.sequence(text, self.terminal)
        if data is None:
            self.notify(clipboard.TOO_LONG, severity="warning")
        elif self._driver is not None:
            self._driver.write(data)
            self.notify(clipboard.SENT, timeout=3)

    def forget_copied(self) -> None:
        """What was copied can no longer be pasted here; what the terminal was handed is the terminal's."""
        self._clipboard = ""

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None of Textual's: a screenshot writes a file of whatever is on the screen, secrets too."""
        return ()

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Not here; see get_system_commands."""

    def action_suspend_process(self) -> None:
        """Not here: under a forced command there is no shell to go back to, and there must be none."""

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
        """Our own only: Textual's lack the variables that the screens use."""
        return self._own_themes

    def register_theme(self, theme: Theme) -> None:
        """Textual registers its own at start; they are not offered."""

    def set_own_theme(self, theme: Theme) -> None:
        """Add or replace a theme; the active one is drawn anew at once."""
        self._own_themes[theme.name] = theme
        if theme.name == self.theme:
            self._watch_theme(theme.name)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return self._no_colour if self.no_color else super().get_line_filters()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.VARIABLE_DEFAULTS

    def _on_theme_changed(self, theme: Theme) -> None:
        self._theme_watch.follow(theme.name)

    def _on_screen_changed(self, screen: Screen[Any]) -> None:
        self.call_later(self._cover_if_small)
        self._key_order.proceed()

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
