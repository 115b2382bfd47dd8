"""Declarations of form fields and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.secret import Secret

Value = str | bool | Secret[str]
PHONE_HELP = "With the country code: +420 777 123 456. F3 lists the countries."
_LONGEST_PREFIX = 8  # The prefix of a sent code is drawn only if it looks like this, whatever a server answers.


@dataclass(kw_only=True, eq=False, repr=False)
class Field:
    """Base of all fields: the label beside it, and a line of help while it has the focus."""

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
class PhoneField(TextField):
    """A phone number, for which F3 lists the countries."""

    help: str = PHONE_HELP
    max_length: int = 40


@dataclass(kw_only=True, eq=False, repr=False)
class PasswordField(Field):
    """A password, shown as bullets.

    Its value is a `Secret`.
    """

    max_length: int = 1024


@dataclass(kw_only=True, eq=False, repr=False)
class NumberField(Field):
    """A number: accepts digits only, and drops everything else from pasted text."""

    digits: int

    @property
    def lead(self) -> str:
        """Text drawn in front of the input."""
        return ""

    def read(self, text: str) -> str:
        """Return the part of the input that counts."""
        return text

    def problem_with(self, text: str) -> str:
        """Return why the input cannot be right, or an empty string."""
        return ""


@dataclass(kw_only=True, eq=False, repr=False)
class CodeField(NumberField):
    """A code as people type and paste it: with blanks, dashes, and the prefix of a sent code.

    `recovery`, `bypass`: accept such codes too. `prefix`: letters in front of a sent code, to compare and not to type.
    """

    digits: int = 6
    recovery: bool = False
    bypass: bool = False
    prefix: str = ""

    @property
    def lead(self) -> str:
        """Text drawn in front of the input."""
        return f"{self.prefix[:_LONGEST_PREFIX]}-" if self.prefix else ""

    def read(self, text: str) -> str:
        """Return the part of the input that counts: a recovery code as typed, else the letters and digits of a code."""
        from secconsole.domain.factors.code import read_code  # not needed for the first frame

        code = read_code(Secret(text))
        return text if code is None else code.whole.reveal()

    def problem_with(self, text: str) -> str:
        """Return why the input cannot be right, or an empty string."""
        from secconsole.domain.factors.code import read_code

        if not text.strip() or (self.recovery and _is_recovery_code(text)) or (self.bypass and _is_bypass_code(text)):
            return ""
        code = read_code(Secret(text))
        if code is None:
            return "Six digits, or 25 characters of a recovery code" if self.recovery else "A code has six digits"
        if code.prefix and self.prefix and code.prefix != self.prefix:
            return f"{code.prefix} belongs to another message. This code begins with {self.prefix[:_LONGEST_PREFIX]}"
        return ""


@dataclass(kw_only=True, eq=False, repr=False)
class ChoiceField(Field):
    """One of several (value, label) pairs."""

    options: Sequence[tuple[str, str]]
    value: str = ""


@dataclass(kw_only=True, eq=False, repr=False)
class CheckField(Field):
    """A checkbox.

    `text` is drawn beside the box.
    """

    text: str = ""
    value: bool = False


@dataclass(kw_only=True, eq=False, repr=False)
class ReadOnly(Field):
    """Text among the fields, to be read only."""

    value: str = ""


def _is_recovery_code(text: str) -> bool:
    from secconsole.domain.factors.recovery import read_recovery_code  # not needed for the first frame

    return read_recovery_code(Secret(text)) is not None


def _is_bypass_code(text: str) -> bool:
    from secconsole.domain.factors.bypass import read_bypass_code  # not needed for the first frame

    return read_bypass_code(Secret(text)) is not None


@dataclass(frozen=True)
class Button:
    """A button that ends the form.

    `cancels`: the same as Escape. `danger`: never pressed by Enter in a field. `free`: works even if required fields
    are empty. `main`: does what the form is for, if several others do something too.
    """

    name: str
    label: str
    danger: bool = False
    cancels: bool = False
    free: bool = False
    main: bool = False


def cancel(label: str = "Cancel") -> Button:
    return Button("cancel", label, cancels=True)


def main_button(buttons: Sequence[Button]) -> Button | None:
    """Return the button that does what a form is for, or None if all cancel.

    Raise `ValueError` if several could be meant.
    """
    acting = [button for button in buttons if not button.cancels]
    needing = [button for button in acting if not button.free] or acting[-1:]
    found = needing if len(needing) < 2 else [button for button in needing if button.main]
    if len(found) > 1 or (needing and not found):
        raise ValueError(f"which one is the main button: {', '.join(button.label for button in needing)}?")
    return found[0] if found else None
