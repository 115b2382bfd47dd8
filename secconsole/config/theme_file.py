"""Theme files, and every error in them with a hint how to correct it.

    name = "dusk"            # lower-case letters, digits and dashes
    dark = true
    ansi = false             # true: only the terminal's own sixteen colours, by their ansi_ names

    [colors]                 # primary, background and foreground are required
    primary = "#7aa2f7"

    [variables]              # optional, see COLOUR_VARIABLES and STYLE_VARIABLES
    status-bound = "#9ece6a"

    [meta]                   # author, description, url: for people

This module does not use Textual, because the command line checks themes too. Every theme that passes can be activated.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from secconsole.config.colours import ANSI_NAMES, NAMES, Colour, contrast, parse
from secconsole.domain.text import visible

LEAST_CONTRAST: Final = 4.5  # WCAG 2 AA for text
MOST_BYTES: Final = 65_536

COLOURS: Final = (
    "primary",
    "secondary",
    "accent",
    "warning",
    "error",
    "success",
    "foreground",
    "background",
    "surface",
    "panel",
)
_NEEDED: Final = ("primary", "background", "foreground")
# Variables of this program, with the palette colours that each falls back to.
COLOUR_VARIABLES: Final[Mapping[str, str]] = {
    "status-bound": "success",
    "status-pending": "warning",
    "status-unbound": "foreground",
    "status-locked": "error",
    "status-whitelisted": "accent",
    "danger": "error",
    "danger-text": "text on danger",
    "muted": "soft foreground",
    "heading": "primary",
    "key": "accent",
    "rule": "faint foreground",
    "mark": "accent",
    "bar-filled": "primary",
    "bar-empty": "faint foreground",
    "cursor-row": "primary",
    "cursor-row-text": "text on cursor-row",
    "field": "field background",
    "field-text": "foreground",
    "field-focus": "focused field background",
    "placeholder": "muted",
    "band": "panel",
    "band-text": "foreground",
}
STYLE_VARIABLES: Final[Mapping[str, str]] = {"cursor-row-style": "bold", "focus-style": "bold", "field-style": "none"}
_STYLES: Final = frozenset({"none", "bold", "dim", "italic", "underline", "reverse"})
# Text colours and their backgrounds: a pair is readable for everyone from LEAST_CONTRAST on.
READ_TOGETHER: Final = (
    ("foreground", "background"),
    ("foreground", "panel"),
    ("foreground", "surface"),
    ("muted", "background"),
    ("muted", "panel"),
    ("heading", "background"),
    ("key", "background"),
    ("key", "band"),
    ("band-text", "band"),
    ("status-bound", "background"),
    ("status-pending", "background"),
    ("status-unbound", "background"),
    ("status-locked", "background"),
    ("status-whitelisted", "background"),
    ("danger", "background"),
    ("danger-text", "danger"),
    ("cursor-row-text", "cursor-row"),
    ("field-text", "field"),
    ("field-text", "field-focus"),
    ("placeholder", "field"),
)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_TOP: Final = ("name", "dark", "ansi", "colors", "variables", "meta")
_META: Final = ("author", "description", "url", "license")


@dataclass(frozen=True)
class ThemeFile:
    """Theme as it was written.

    `colors` and `variables` contain only valid values.
    """

    name: str
    dark: bool = True
    ansi: bool = False
    colors: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)

    def palette(self) -> dict[str, str]:
        """Return all colours, with missing ones derived from the others."""
        given = dict(self.colors)
        primary = given["primary"]
        out = {name: given.get(name, primary) for name in COLOURS}
        out["error"] = given.get("error", given.get("secondary", primary))
        if self.ansi:
            for name in ("foreground", "background", "surface", "panel"):
                out[name] = given.get(name, "ansi_default")
        else:
            back, front = _opaque(given["background"]), _opaque(given["foreground"])
            out["surface"] = given.get("surface", back.towards(front, 0.04).hex)
            out["panel"] = given.get("panel", back.towards(front, 0.08).hex)
        return out

    def resolved(self) -> dict[str, str]:
        """Return all variables of this program: colours as `#rrggbb` or ansi_ names, and styles."""
        colours = self.palette()
        derive = _sixteen if self.ansi else _mixed
        out = derive(colours) | {name: _plain(value) for name, value in self.variables.items()}
        if "placeholder" not in self.variables:
            out["placeholder"] = out["muted"]
        for name, on in (("danger-text", "danger"), ("cursor-row-text", "cursor-row")):
            if name not in self.variables and not self.ansi:
                out[name] = _text_on(_opaque(out[on]), colours)
        if self.ansi and "cursor-row-style" not in self.variables:
            out["cursor-row-style"] = "reverse" if out["cursor-row"] == "ansi_default" else "bold"
        return out


@dataclass(frozen=True)
class Checked:
    """Result of reading a theme file: the theme if it can be used, its errors, and warnings."""

    theme: ThemeFile | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read(path: Path) -> Checked:
    """Read and check a theme file, without raising."""
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                return Checked(None, ("it is not a file",))
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Checked(None, (f"it cannot be read: {error.strerror or type(error).__name__}",))
    if len(raw) > MOST_BYTES:
        return Checked(None, (f"it is larger than {MOST_BYTES // 1024} KiB, which is too large for a theme",))
    checked = check(raw)
    if info.st_mode & 0o022:
        shared = "other users can change this file. Remove their write access with chmod go-w"
        return Checked(checked.theme, checked.problems, (*checked.warnings, shared))
    return checked


def check(raw: bytes) -> Checked:
    """Check the content of a theme file."""
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Checked(None, (f"it is not UTF-8 text: byte {error.start + 1} cannot be read",))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Checked(None, (f"it is not TOML: {visible(str(error))}",))
    judge = _Judge()
    theme = judge.theme(document)
    if judge.problems or theme is None:
        return Checked(None, tuple(judge.problems))
    return Checked(theme, (), tuple(_hard_to_read(theme)))


class _Judge:
    """Collector of errors while a document is checked."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def theme(self, document: dict[str, Any]) -> ThemeFile | None:
        self._check_known(document, _TOP, "")
        name = document.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            self.problems.append('name is required: lower-case letters, digits and dashes, for example name = "dusk"')
        dark, ansi = self._flag(document, "dark", True), self._flag(document, "ansi", False)
        colours = self._table(document, "colors")
        variables = self._table(document, "variables")
        meta = self._table(document, "meta")
        self._check_known(colours, COLOURS, "colors.")
        self._check_known(variables, (*COLOUR_VARIABLES, *STYLE_VARIABLES), "variables.")
        self._check_known(meta, _META, "meta.")
        for needed in _NEEDED[: 1 if ansi else None]:
            if needed not in colours:
                example = "ansi_blue" if ansi else "#7aa2f7"
                self.problems.append(f'colors.{needed} is required, for example {needed} = "{example}"')
        for key, value in colours.items():
            self._colour(f"colors.{key}", value, ansi)
        for key, value in variables.items():
            if key in STYLE_VARIABLES:
                self._style(f"variables.{key}", value)
            else:
                self._colour(f"variables.{key}", value, ansi)
        if self.problems:
            return None
        return ThemeFile(str(name), dark, ansi, colours, variables, {k: str(v) for k, v in meta.items()})

    def _check_known(self, table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                self.problems.append(f"{where}{visible(key)} is not known: {hint}")

    def _flag(self, document: dict[str, Any], key: str, default: bool) -> bool:
        value = document.get(key, default)
        if not isinstance(value, bool):
            self.problems.append(f"{key} must be true or false")
            return default
        return value

    def _table(self, document: dict[str, Any], key: str) -> dict[str, Any]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            self.problems.append(f"{key} must be a table: write [{key}] above its lines")
            return {}
        return value

    def _colour(self, where: str, value: object, ansi: bool) -> None:
        where = visible(where)
        if not isinstance(value, str):
            self.problems.append(f'{where} must be a colour in quotes, for example "#7aa2f7"')
        elif ansi:
            if value not in ANSI_NAMES:
                self.problems.append(
                    f"{where}: {_quoted(value)} is not one of the terminal's own colours. A theme with ansi = true "
                    "uses only ansi_default, ansi_black … ansi_white and ansi_bright_black … ansi_bright_white"
                )
        elif value in ANSI_NAMES:
            self.problems.append(f"{where}: {value} is for themes with ansi = true. Use #rrggbb here")
        else:
            colour = parse(value)
            if colour is None:
                near = get_close_matches(value, NAMES, 1)
                hint = f"did you mean {near[0]}?" if near else "use #rgb, #rrggbb or a common colour name"
                self.problems.append(f"{where}: {_quoted(value)} is not a colour: {hint}")
            elif colour.alpha < 1:
                self.problems.append(f"{where}: {_quoted(value)} is partly transparent. Use #rrggbb here")

    def _style(self, where: str, value: object) -> None:
        words = value.split() if isinstance(value, str) else []
        if not words or not _STYLES.issuperset(words) or ("none" in words and len(words) > 1):
            self.problems.append(f"{where} must be none, or any of {', '.join(sorted(_STYLES - {'none'}))}")


def _hard_to_read(theme: ThemeFile) -> list[str]:
    if theme.ansi:
        return []  # the terminal decides what the sixteen look like
    colours = theme.palette() | theme.resolved()
    out = []
    for text, ground in READ_TOGETHER:
        ratio = contrast(_opaque(colours[text]), _opaque(colours[ground]))
        if ratio < LEAST_CONTRAST:
            out.append(
                f"{text} ({_plain(colours[text])}) is hard to read on {ground} ({_plain(colours[ground])}): contrast "
                f"{ratio:.1f}, and it should be at least {LEAST_CONTRAST}. Make one of them lighter or darker"
            )
    return out


def _mixed(colours: Mapping[str, str]) -> dict[str, str]:
    back, front = _opaque(colours["background"]), _opaque(colours["foreground"])
    derived = {
        "muted": front.towards(back, 0.3),
        "rule": front.towards(back, 0.65),
        "bar-empty": front.towards(back, 0.7),
        "field": back.towards(front, 0.09),
        "field-focus": back.towards(front, 0.16),
    }
    out = dict(STYLE_VARIABLES) | {name: colour.hex for name, colour in derived.items()}
    for name, source in COLOUR_VARIABLES.items():
        if name not in derived and source in colours:
            out[name] = _plain(colours[source])
    return out


def _sixteen(colours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for 16 colours: without shades to mix, text keeps the default colour and styles differ."""
    out = dict(STYLE_VARIABLES)
    for name, source in COLOUR_VARIABLES.items():
        out[name] = colours.get(source, "ansi_default")
    return out | {
        "danger-text": "ansi_default",
        "cursor-row": "ansi_default",
        "cursor-row-text": "ansi_default",
        "focus-style": "reverse",
        "field-style": "underline",
    }


def _text_on(ground: Colour, colours: Mapping[str, str]) -> str:
    choices = (_opaque(colours["background"]), _opaque(colours["foreground"]))
    best = max(choices, key=lambda colour: contrast(colour, ground))
    if contrast(best, ground) >= LEAST_CONTRAST:
        return best.hex
    return max((Colour(0, 0, 0), Colour(255, 255, 255)), key=lambda colour: contrast(colour, ground)).hex


def _opaque(text: str) -> Colour:
    colour = parse(text)
    assert colour is not None  # checked when the file was read
    return colour


def _plain(value: str) -> str:
    colour = parse(value)
    return value if colour is None else colour.hex


def _quoted(value: str) -> str:
    shown = visible(value if len(value) <= 40 else value[:39] + "…")
    return f'"{shown}"'
