"""Themes for the screens: loaded, converted to Textual's, chosen for the terminal, and watched for edits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.theme import Theme

from secconsole.config import locations, theme_file
from secconsole.config.theme_file import ThemeFile
from secconsole.domain.text import visible
from secconsole.tui.runtime.terminal import Terminal

BUILT_IN: Final = locations.built_in_themes_dir()
DARK, LIGHT, ANSI_DARK, ANSI_LIGHT = "secconsole-dark", "secconsole-light", "ansi-dark", "ansi-light"
WATCH_EVERY: Final = 0.5  # seconds
#: marks a style whose colours carry the content, such as a QR code's: kept even without colour
KEPT: Final[Mapping[str, object]] = {"colour_is_content": True}


@dataclass(frozen=True)
class Loaded:
    """Themes by name, the files of the user's own, and the errors of broken ones."""

    themes: Mapping[str, ThemeFile]
    problems: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)


def load(folders: Iterable[Path] | None = None) -> Loaded:
    """Load the built-in themes and those in the folders (by default the user's).

    Report and skip broken ones.
    """
    found: dict[str, ThemeFile] = {}
    files: dict[str, Path] = {}
    problems: list[str] = []
    for folder in (BUILT_IN, *([locations.themes_dir()] if folders is None else folders)):
        try:
            paths = sorted(folder.glob("*.toml"))
        except OSError:
            continue
        for path in paths:
            checked = theme_file.read(path)
            if checked.theme is None:
                problems.append(f"{visible(path.name)} is left out: {checked.problems[0]}{_more(checked.problems)}")
            elif checked.theme.name in found:
                taken = f"there is a theme {checked.theme.name} already. Give it a name that is not in use"
                problems.append(f"{visible(path.name)} is left out: {taken}")
            else:
                found[checked.theme.name] = checked.theme
                if folder != BUILT_IN:
                    files[checked.theme.name] = path
    return Loaded(found, tuple(problems), files)


def _more(problems: Sequence[str]) -> str:
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""


def to_textual(file: ThemeFile) -> Theme:
    """Return the theme for Textual, with variables that make its widgets match ours."""
    colours, ours = file.palette(), file.resolved()
    theirs = {
        "text-muted": ours["muted"],
        "border": colours["primary"],
        "border-blurred": ours["rule"],
        "scrollbar": ours["rule"],
        "scrollbar-hover": colours["primary"],
        "scrollbar-active": colours["primary"],
        "scrollbar-background": colours["background"],
        "scrollbar-background-hover": colours["background"],
        "scrollbar-background-active": colours["background"],
        "scrollbar-corner-color": colours["background"],
        "block-cursor-background": ours["cursor-row"],
        "block-cursor-foreground": ours["cursor-row-text"],
        "block-cursor-text-style": ours["cursor-row-style"],
        "footer-background": ours["band"],
        "footer-foreground": ours["band-text"],
        "footer-description-foreground": ours["band-text"],
        "footer-key-foreground": ours["key"],
        "link-color": ours["key"],
    }
    if file.ansi:  # names that Textual creates for other themes only
        theirs |= {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}
    theme = Theme(file.name, colours["primary"], dark=file.dark, ansi=file.ansi, variables=theirs | ours)
    for name, colour in colours.items():
        setattr(theme, name, colour)
    return theme


def choose(wanted: str | None, terminal: Terminal, loaded: Loaded) -> tuple[str, list[str]]:
    """Return the name of the theme to start with, and messages about the one asked for."""
    problems: list[str] = []
    if wanted is not None and wanted not in loaded.themes:
        problems.append(f"There is no theme {visible(wanted)}. There are: {', '.join(sorted(loaded.themes))}")
        wanted = None
    if terminal.depth == "none" and (wanted is None or not loaded.themes[wanted].ansi):
        return ANSI_DARK, problems  # it distinguishes by style where there is no colour
    if wanted is not None:
        return wanted, problems
    if terminal.depth == "16":
        return (ANSI_LIGHT if terminal.light else ANSI_DARK), problems
    return (LIGHT if terminal.light else DARK), problems


VARIABLE_DEFAULTS: Final[dict[str, str]] = ThemeFile(
    DARK, colors={"primary": "#7aa2f7", "background": "#101418", "foreground": "#e6e6e6"}
).resolved()


class NoColour(LineFilter):
    """NO_COLOR taken literally: no colour at all.

    Weight, underline and reverse stay.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if style is None or _is_content(style) else Segment(text, style.without_color, control)
            for segment in segments
            for text, style, control in (segment,)
        ]


def keep_colour(style: Style) -> Style:
    """Return a style whose colours are shown even under NO_COLOR."""
    return style + Style(meta=dict(KEPT))


def _is_content(style: Style) -> bool:
    return "colour_is_content" in style.meta


class ThemedApp(Protocol):
    """An app whose theme can be watched."""

    loaded_themes: Loaded
    theme: str

    def set_own_theme(self, theme: Theme) -> None: ...
    def clear_notifications(self) -> None: ...
    def notify(self, message: str, *, title: str, severity: SeverityLevel, timeout: float) -> None: ...


class ThemeWatcher:
    """Checks the file of the active theme for edits, and applies them at once."""

    def __init__(self, app: ThemedApp) -> None:
        self._app = app
        self._path: Path | None = None
        self._seen: tuple[int, int] | None = None
        self.follow(app.theme)

    def follow(self, name: str) -> None:
        """Watch the file of this theme.

        Built-in themes have none that changes.
        """
        path = self._app.loaded_themes.files.get(name)
        if path != self._path:
            self._path = path
            self._seen = self._stamp()

    def poll(self) -> None:
        """Check once: apply a valid edit, report a broken one and keep the old theme."""
        if self._path is None:
            return
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return
        self._seen = stamp
        checked = theme_file.read(self._path)
        name = self._app.theme
        if checked.theme is None:
            self._notify(f"{checked.problems[0]}{_more(checked.problems)}. The old colours stay")
        elif checked.theme.name != name:
            self._notify(f"the name is now {checked.theme.name}. Restart to use it under that name")
        else:
            self._app.set_own_theme(to_textual(checked.theme))
            for warning in checked.warnings[:1]:
                self._notify(warning + _more(checked.warnings))

    def _notify(self, what: str) -> None:
        name = self._path.name if self._path else ""
        self._app.clear_notifications()
        self._app.notify(f"{name}: {what}", title="Theme", severity="warning", timeout=8)

    def _stamp(self) -> tuple[int, int] | None:
        """Return modification time and size.

        None while the file is missing, as when an editor replaces it.
        """
        try:
            info = os.stat(self._path) if self._path else None
        except OSError:
            return None
        return (info.st_mtime_ns, info.st_size) if info else None
