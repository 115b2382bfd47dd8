"""What a form asks for, declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.secret import Secret

Value = str | bool | Secret[str]


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
    """Takes digits only; what else is pasted with them, such as a prefix, falls away."""

    digits: int = 6


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


@dataclass(frozen=True)
class Button:
    """Ends the form. `cancels` makes it the same as Escape; a `danger` one is never pressed by Enter in a field."""

    name: str
    label: str
    danger: bool = False
    cancels: bool = False


def cancel(label: str = "Cancel") -> Button:
    return Button("cancel", label, cancels=True)
