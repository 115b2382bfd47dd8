"""Texts with placeholders such as `{tenant}`, which are substituted and never evaluated."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from secconsole.domain.messages.delivery import PURPOSE_SHORT_WORDS, PURPOSE_SMS_WORDS
from secconsole.domain.messages.sms import SEPTETS, is_one_segment, length_of, outside_alphabet
from secconsole.domain.text import visible

LONGEST = 16 * 1024  # bytes of a file
LONGEST_SUBJECT = 150
SHORTEST_NAME = 10  # septets or units to which a name of a tenant or person is cut, so that an SMS stays one segment
SECRET = frozenset({"code", "key", "link", "password"})

_PLACE = re.compile(r"\{([a-z]+)\}")
_BRACE = re.compile(r"[{}]")
_CODE = {"code": "XYWD-581883", "prefix": "XYWD", "minutes": "10"}
# The longest names after cutting, in the SMS alphabet and in another one, which leaves less room.
_PLAIN, _FOREIGN = "W" * SHORTEST_NAME, "Ж" * SHORTEST_NAME


class BadText(ValueError):
    """Text that cannot be used, with the reason as its message."""


@dataclass(frozen=True, slots=True)
class TextSpec:
    """Name of a text, with its allowed and its required placeholders."""

    name: str
    places: frozenset[str]
    needed: frozenset[str] = frozenset()
    subject: bool = True
    sms: bool = False  # one segment once it is filled in
    any_names: bool = False  # with names in any alphabet


@dataclass(frozen=True, slots=True)
class Template:
    subject: str
    body: str

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return subject and body with the values filled in.

        A brace within a value stays as it is.
        """
        return _filled(self.subject, values), _filled(self.body, values)


def read_template(form: TextSpec, raw: bytes) -> Template:
    """Parse a file into a subject, which is its first line where the text has one, and a body.

    Raises `BadText`.
    """
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
        raise BadText("it is empty" if not form.subject else "it is empty below the subject")
    if form.subject:
        _check_subject(subject)
    if form.sms:
        _check_segment(form, body)
    return Template(subject, body)


def _check_line(form: TextSpec, number: int, line: str) -> None:
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in line if sign != "\t"):
        raise BadText(f"line {number} contains a character that cannot be shown")
    if unknown := set(_PLACE.findall(line)) - form.places:
        raise BadText(
            f"line {number} has unknown placeholders: {_braced(unknown)}. Available are: {_braced(form.places)}"
        )
    if _BRACE.search(_PLACE.sub("", line)):
        raise BadText(f"line {number} has a brace outside a placeholder")


def _check_subject(subject: str) -> None:
    if not subject:
        raise BadText("its first line is the subject, and it is empty")
    if len(subject) > LONGEST_SUBJECT:
        raise BadText(f"its first line is the subject, and it is longer than {LONGEST_SUBJECT} characters")
    if shown := SECRET & set(_PLACE.findall(subject)):
        raise BadText(f"its subject contains {_braced(shown)}, and subjects appear on locked screens")


def _check_segment(form: TextSpec, body: str) -> None:
    """Raise `BadText` for a text that needs several SMS segments, however much its names are cut."""
    name, words = (_FOREIGN, PURPOSE_SHORT_WORDS) if form.any_names else (_PLAIN, PURPOSE_SMS_WORDS)
    sample = _filled(body, {**_CODE, "tenant": name, "login": name, "purpose": max(words.values(), key=len)})
    if is_one_segment(sample):
        return
    length, room = length_of(sample)
    what = f"it takes up to {length} of the {room} characters of one SMS"
    if (char := outside_alphabet(_PLACE.sub("", body))) != "":
        what += f", because {visible(char)} is not in the alphabet of messages with {SEPTETS}"
    elif form.any_names:
        what += ", which is all there is with names in other alphabets"
    raise BadText(what)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], text)


def _braced(names: frozenset[str] | set[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
