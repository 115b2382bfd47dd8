"""What a form asks for, declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.secret import Secret

Value = str | bool | Secret[str]
_LONGEST_PREFIX = 8  # letters that are drawn, whatever a server says

_NO_DIGIT, _LETTER, _PREFIX = re.compile("[^0-9]"), re.compile("[^0-9 -]"), re.compile("^ *[A-Za-z]{4} *-")


@dataclass(kw_only=True, eq=False, repr=False)
class Field:
    """Common to all: the label beside it, and a line of help while it has the focus."""

    name: str
    label: str
    needed: bool = False
    help: str = ""


@dataclass(kw_only=True, eq=False, repr=False)
class TextField(Field):
    value: str = ""
    placeholder: str = ""
    max_length: int = 256


@dataclass(kw_only=True, eq=False, repr=False)
class PasswordField(Field):
    """Shown as bullets; its value is a Secret."""

    max_length: int = 1024


@dataclass(kw_only=True, eq=False, repr=False)
class CodeField(Field):
    """Takes digits only; what else is pasted with them, such as a prefix, falls away.

    With `recovery` a recovery code may be typed in their place. `prefix`: letters that stand in front of a code that
    was sent, to be compared and not typed.
    """

    digits: int = 6
    recovery: bool = False
    prefix: str = ""

    @property
    def lead(self) -> str:
        """What is drawn in front of what is typed."""
        return f"{self.prefix[:_LONGEST_PREFIX]}-" if self.prefix else ""

    def read(self, text: str) -> str:
        """What counts of what was typed: a recovery code as it stands, else the digits."""
        return text if not self.recovery or _is_recovery_code(text) else _NO_DIGIT.sub("", text)

    def problem_with(self, text: str) -> str:
        """Why there is no use in asking whether it is right; empty if there is."""
        if not self.recovery or _is_recovery_code(text) or not _LETTER.search(_PREFIX.sub("", text)):
            return ""
        return "Six digits, or a recovery code's 25 signs"


@dataclass(kw_only=True, eq=False, repr=False)
class ChoiceField(Field):
    """One of several (value, words)."""

    options: Sequence[tuple[str, str]]
    value: str = ""


@dataclass(kw_only=True, eq=False, repr=False)
class CheckField(Field):
    """Yes or no; `text` stands beside the box."""

    text: str = ""
    value: bool = False


@dataclass(kw_only=True, eq=False, repr=False)
class ReadOnly(Field):
    """Something to read among the fields."""

    value: str = ""


def _is_recovery_code(text: str) -> bool:
    from secconsole.domain.recovery import read_recovery_code  # the first frame does without

    return read_recovery_code(Secret(text)) is not None


@dataclass(frozen=True)
class Button:
    """Ends the form. `cancels` makes it the same as Escape; a `danger` one is never pressed by Enter in a field.

    A `free` one does not ask whether all that is needed is there.
    """

    name: str
    label: str
    danger: bool = False
    cancels: bool = False
    free: bool = False


def cancel(label: str = "Cancel") -> Button:
    return Button("cancel", label, cancels=True)
