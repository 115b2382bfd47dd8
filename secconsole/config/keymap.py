"""Keys chosen in config.toml: a preset, and keys of single actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secconsole.domain.errors import Invalid
from secconsole.domain.text import visible

# By id, as `?` shows them. Movement by j, k, g and G and the line of commands (:) work without a preset.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "vim": {
        "table.page-down": "pagedown,ctrl+f,ctrl+d",
        "table.page-up": "pageup,ctrl+b,ctrl+u",
        "everywhere.back": "q,ctrl+o",
        "everywhere.tenant": "t,ctrl+w",
    },
}
_NAMES = {
    "?": "question_mark",
    "/": "slash",
    ":": "colon",
    ";": "semicolon",
    ".": "full_stop",
    ",": "comma",
    "*": "asterisk",
    "+": "plus",
    "-": "minus",
    "!": "exclamation_mark",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    " ": "space",
    "esc": "escape",
    "pgup": "pageup",
    "pgdn": "pagedown",
}


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """Keys by the id of their action, comma-separated, as Textual names them."""

    keys: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keys)


def read_keys(path: Path, preset: object, own: Mapping[str, object]) -> KeyChoice:
    """Return the chosen keys, or raise `Invalid` for a value of the wrong type or an unknown preset."""
    if preset not in PRESETS:
        raise Invalid(f"{path}: keymap must be one of {', '.join(PRESETS)}.", "keymap")
    keys = dict(PRESETS[str(preset)])
    for id, wanted in own.items():
        texts = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise Invalid(f'{path}: keys.{visible(id)} must be a key such as "ctrl+u", or a list of keys.', "keys")
        keys[id] = ",".join(map(key_name, texts))
    return KeyChoice(keys)


def key_name(text: str) -> str:
    """Return a key as Textual names it: `question_mark` for `?`."""
    rest, plus, last = text[:-1].rpartition("+")  # the last character may be a + itself
    return f"{rest}{plus}{_NAMES.get(last + text[-1], last + text[-1])}"
