"""The command palette: actions of the place, places, themes and the console itself, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from secconsole.config.contexts import LOCAL
from secconsole.config.setup_mark import is_being_set_up
from secconsole.tui.actions import Action
from secconsole.tui.text.safe import join, safe

if TYPE_CHECKING:
    from secconsole.config.contexts import NamedContext
    from secconsole.tui.console import Console, PlaceScreen


SIGN_OUT = "account.sign-out"  # in the list already, for every place
HIDDEN = 9  # actions of the keyboard, such as those of the cursor


@dataclass(frozen=True, slots=True)
class Command:
    """A line of the palette.

    `dim` is why it is unavailable, `theme` is previewed while the line is selected.
    """

    title: str
    help: str
    run: Callable[[], object]
    keys: str = ""
    dim: str = ""
    theme: str = ""

    def distance(self, words: Sequence[str]) -> int | None:
        """Return how well a query matches, 0 best, or None if it does not.

        0 begins the name, 1 in the name, 2 in the description, more: its letters are in the name in that order, with
        so many others between them (`unbd` finds Unbind).
        """
        title = self.title.casefold()
        if title.startswith(" ".join(words)):
            return 0
        if all(word in title for word in words):
            return 1
        text = f"{title} {self.help.casefold()}"
        if all(word in text for word in words):
            return 2
        gaps = skipped("".join(words), title)
        return None if gaps is None else 3 + gaps


def skipped(letters: str, title: str) -> int | None:
    """Return how many letters lie between those typed, which begin at a word, or None if they are not all there."""
    found: list[int] = []
    for start, letter in enumerate(title):
        if letters[:1] != letter or (start and title[start - 1].isalnum()):
            continue
        at, gaps = start, 0
        for wanted in letters[1:]:
            after = title.find(wanted, at + 1)
            if after < 0:
                break
            gaps, at = gaps + after - at - 1, after
        else:
            found.append(gaps)
    return min(found, default=None)


def found(commands: Sequence[Command], text: str) -> list[Command]:
    """Return the commands that match, best first, otherwise in their own order."""
    words = text.casefold().split()
    near = [(command.distance(words), command) for command in commands]
    fitting = [(distance, command) for distance, command in near if distance is not None]
    return [command for _, command in sorted(fitting, key=lambda pair: pair[0])]


def commands_for(place: PlaceScreen) -> list[Command]:
    """Return every command once: the actions of a place, those of the other places, console and themes."""
    app = place.app

    def act(id: str) -> Callable[[], object]:
        return lambda: place.action_act(id)

    def set_theme(theme: str) -> Callable[[], object]:
        return lambda: app.set_theme(theme)

    mouse = "Mouse off" if app.mouse else "Mouse on"
    why = "Use the terminal's own selection instead." if app.mouse else "Click on rows, keys and places."
    themes = app.loaded_themes.themes
    return [
        *(
            Command(action.title, action.help, act(action.id), action.key, place.reason(action))
            for action in place.actions
            if action.id not in ("everywhere.palette", SIGN_OUT)
        ),
        *_set_up(place),
        Command("Sign out", "End your session and go back to the sign-in.", app.begin_sign_out),
        *(_go_to(app, context) for context in (app.switcher.other_contexts(app.context) if app.switcher else ())),
        Command(mouse, why, app.toggle_mouse),
        Command("Leave", "Close the console.", lambda: app.exit(0), "ctrl+q"),
        *(
            Command(f"Theme {name}", themes[name].meta.get("description", ""), set_theme(name), theme=name)
            for name in sorted(themes)
        ),
        *_elsewhere(place),
    ]


def _elsewhere(place: PlaceScreen) -> Iterator[Command]:
    """Yield the actions of the other places that this user may open.

    Running one leads there. It is done there at once unless it needs a row, which the user has to choose.
    """
    app = place.app
    for other in app.places.named:
        if other.name == place.NAME:
            continue
        for action in app.places.actions_of(other.name):
            if action.id != SIGN_OUT and action.priority < HIDDEN:
                yield Command(
                    action.title,
                    f"In {other.title}: {action.help}",
                    partial(_run_in, app, other.name, action),
                    action.key,
                )


def _run_in(app: Console, name: str, action: Action) -> None:
    """Go to the place of an action, and do it there."""

    async def run() -> None:
        here = await app.places.visit(name)
        await app.wait_keys_idle()  # the place reads what it shows
        if app.places.here is not here:
            return
        if action.acts_on == "none":
            here.action_act(action.id)
        else:
            app.notify_done(f"{action.key} is the key of {action.title}, for the row under the cursor.")

    app.run_worker(run(), group="act", exit_on_error=False)


def _go_to(app: Console, context: NamedContext) -> Command:
    where = context.backend or "the store on this machine"
    return Command(
        f"Context {context.name or LOCAL}", f"Sign out here, and sign in at {where}.", lambda: app.move(context)
    )


def _set_up(place: PlaceScreen) -> list[Command]:
    """Return the command that continues setting up, None once that is finished."""
    if not is_being_set_up():
        return []
    from secconsole.tui.screens.set_up import go_on, is_due

    if not is_due(place.app):
        return []

    def begin() -> None:
        place.run_worker(go_on(place.app), group="due", exit_on_error=False)

    return [Command("Set up", "Go on with what is left of setting up.", begin)]


def _line(command: Command, keys_width: int) -> Content:
    title = (command.title, "$muted" if command.dim else "bold")
    description = f"not now: {command.dim}" if command.dim else command.help
    return join((command.keys.rjust(keys_width), "$key"), "  ", title, ("  " + description, "$muted"))


class Palette(ModalScreen[Command | None]):
    """Typing filters, arrows select, Enter runs.

    Escape empties the line first. Then it cancels and restores the colours.
    """

    CSS_PATH = Path(__file__).parents[1] / "styles" / "palette.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("pageup", "move(-8)", "Page up", show=False, priority=True),
        Binding("pagedown", "move(8)", "Page down", show=False, priority=True),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = tuple(commands)
        self._found: list[Command] = []
        self._theme_before = ""

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def compose(self) -> ComposeResult:
        card = Vertical(classes="card", id="palette")
        card.border_title = safe("Commands")
        card.border_subtitle = safe("↑ ↓ choose · enter run · esc cancel")
        with card:
            entry = Input(placeholder="part of a name", max_length=100, compact=True)
            entry.cursor_blink = False
            yield entry
            listing = OptionList(compact=True)
            listing.can_focus = False
            yield listing
            yield Static(safe("No command matches."), id="nothing")

    def on_mount(self) -> None:
        self._theme_before = self.app.theme
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, text: str) -> None:
        self._found = found(self._commands, text)
        width = max((len(command.keys) for command in self._found), default=0)
        listing = self.query_one(OptionList)
        listing.set_options([Option(_line(command, width)) for command in self._found])
        listing.highlighted = 0 if self._found else None
        self.query_one("#nothing").display = not self._found
        listing.display = bool(self._found)
        self._preview()

    def action_move(self, lines: int) -> None:
        listing = self.query_one(OptionList)
        if self._found:
            now = listing.highlighted or 0
            listing.highlighted = max(0, min(len(self._found) - 1, now + lines))
            self._preview()

    def _chosen(self) -> Command | None:
        at = self.query_one(OptionList).highlighted
        return self._found[at] if at is not None and at < len(self._found) else None

    def _preview(self) -> None:
        command = self._chosen()
        self.app.theme = command.theme if command and command.theme else self._theme_before

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._choose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._preview()
        self._choose()

    def _choose(self) -> None:
        command = self._chosen()
        if command is not None:
            self.dismiss(command)

    def action_cancel(self) -> None:
        """Empty the line, as in a search, or leave if it is empty."""
        entry = self.query_one(Input)
        if entry.value:
            entry.value = ""
            return
        self.app.theme = self._theme_before
        self.dismiss(None)
