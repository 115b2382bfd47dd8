"""Texts with places such as `{tenant}` in them, which are filled in and never evaluated."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 16 * 1024  # bytes of a file
LONGEST_SUBJECT = 150
LONGEST_SMS = 160  # characters, filled in: more would be sent as several, each of which is paid for
SECRET = frozenset({"code", "key", "link"})

_PLACE = re.compile(r"\{([a-z]+)\}")
_BRACE = re.compile(r"[{}]")
_SMS_SAMPLE = {"tenant": "A" * 24, "code": "XYWD-581883", "prefix": "XYWD", "minutes": "10"}


class BadText(ValueError):
    """A text that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a text is called, which places it may have, and which of them it must have."""

    name: str
    places: frozenset[str]
    needed: frozenset[str] = frozenset()
    subject: bool = True
    longest: int = 0  # characters once it is filled in; 0: as long as the file


@dataclass(frozen=True, slots=True)
class Template:
    subject: str
    body: str

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject and body with the values in their places; a brace within a value stays what it is."""
        return _filled(self.subject, values), _filled(self.body, values)


def read_template(form: Form, raw: bytes) -> Template:
    """A file as a text: the subject in its first line, where it has one, and the body. Raises `BadText`."""
    if len(raw) > LONGEST:
        raise BadText(f"it is longer than {LONGEST:,} bytes")
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadText("it is not UTF-8 text") from None
    for number, line in enumerate(text.split("\n"), 1):
        _check_line(form, number, line)
    missing = form.needed - set(_PLACE.findall(text))
    if missing:
        raise BadText(f"{_braced(missing)} is missing")
    subject, _, body = text.partition("\n") if form.subject else ("", "", text)
    subject, body = subject.strip(), body.strip("\n")
    if not body.strip():
        raise BadText("there is nothing in it" if not form.subject else "there is nothing below the subject")
    if form.subject:
        _check_subject(subject)
    if form.longest and len(_filled(body, _SMS_SAMPLE)) > form.longest:
        raise BadText(f"it is longer than the {form.longest} characters of one SMS, or can be")
    return Template(subject, body)


def _check_line(form: Form, number: int, line: str) -> None:
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in line if sign != "\t"):
        raise BadText(f"line {number} has a character in it that is not shown")
    if unknown := set(_PLACE.findall(line)) - form.places:
        raise BadText(f"{_braced(unknown)} in line {number} is not filled in here; what is: {_braced(form.places)}")
    if _BRACE.search(_PLACE.sub("", line)):
        raise BadText(f"line {number} has a brace that belongs to no place")


def _check_subject(subject: str) -> None:
    if not subject:
        raise BadText("its first line is empty: that is the subject")
    if len(subject) > LONGEST_SUBJECT:
        raise BadText(f"its first line is the subject, and longer than {LONGEST_SUBJECT} characters")
    if shown := SECRET & set(_PLACE.findall(subject)):
        raise BadText(f"{_braced(shown)} stands in the subject, which is seen on locked screens")


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], text)


def _braced(names: frozenset[str] | set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
