"""Heads of audit chains in files: as `audit head` prints them, and in lines of a log.

A line may have anything before its JSON, such as the time and host that a journal adds. Lines without a head are
skipped.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator

import msgspec

from secconsole.operations.audit import AuditHead

FIELD = "audit_head"  # of a line in a log
LONGEST_LINE = 65_536
MOST_LINES = 5_000  # of one document
LONGEST_DOCUMENT = 4 * 1024 * 1024
_MOST_TRIES = 100  # of parsing one document
_NAMES = frozenset(AuditHead.__dataclass_fields__)
_DECODER = json.JSONDecoder()


def heads_in(lines: Iterable[str]) -> Iterator[tuple[int, AuditHead]]:
    """Yield the heads with the numbers of their lines, with no more than one document in memory."""
    columns: list[str] | None = None
    for number, text in _documents(lines):
        if "{" in text:
            yield from ((number, head) for head in _in_text(text))
        elif columns is not None or "signature" in text:
            try:
                cells = next(csv.reader([text]), [])
            except csv.Error:
                continue
            if _NAMES.issubset(cells):
                columns = cells
            elif columns is not None:
                found = dict(zip(columns, cells, strict=False))
                yield from ((number, head) for head in _read(found | {"seq": _number(found.get("seq", ""))}))


def _documents(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield single lines, and documents of several lines from the one that opens them to the one that closes them.

    A line may open a document that nothing closes. So a line or a later document that has heads counts on its own.
    """
    begun = _Begun()
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if begun.parts and not _has_heads(text):
            begun.add(number, text)
            if (document := begun.closed()) is not None:
                yield begun.number, document
                begun = _Begun()
        elif text.startswith("{") and _value(text) is None:
            begun.add(number, text)
        else:
            begun = _Begun()
            if len(text) <= LONGEST_LINE:
                yield number, text


class _Begun:
    """A document that was opened and not closed yet, of limited size."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.number = self._size = self._tries = 0
        self._latest = 0  # index of the last line that opens an object

    def add(self, number: int, text: str) -> None:
        """Add a line, and drop what was before the last object if that is too much for one document."""
        if len(self.parts) >= MOST_LINES or self._size > LONGEST_DOCUMENT or self._tries >= _MOST_TRIES:
            del self.parts[: self._latest or len(self.parts)]
            self._size, self._tries, self._latest = sum(map(len, self.parts)), 0, 0
            if not self.parts and not text.startswith("{"):
                return
        if text.startswith("{"):
            self.number, self._latest = number, len(self.parts)
        self.parts.append(text)
        self._size += len(text)

    def closed(self) -> str | None:
        """Return the document if the last line closes it: the last object alone if that has heads, or all."""
        text = self.parts[-1] if self.parts else ""
        if text.startswith((" ", "\t")) or not text.rstrip(" ,").endswith("}"):
            return None
        self._tries += 1
        document = "\n".join(self.parts[self._latest :])
        if self._latest and not _has_heads(document):
            document = "\n".join(self.parts)
        return document if _value(document) is not None else None


def _has_heads(text: str) -> bool:
    return "signature" in text and next(_in_text(text), None) is not None


def _value(text: str) -> object:
    """Return the first JSON object of a text, or None if there is none."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


def _in_text(text: str) -> Iterator[AuditHead]:
    found = _value(text)
    if not isinstance(found, dict):
        return
    message = found.get("MESSAGE")  # of journalctl -o json
    if isinstance(message, str):
        found = _value(message)
    if not isinstance(found, dict):
        return
    items = found.get("items")
    for item in items if isinstance(items, list) else [found.get(FIELD, found)]:
        yield from _read(item)


def _read(found: object) -> Iterator[AuditHead]:
    try:
        head = msgspec.convert(found, AuditHead)
        "".join((head.tenant, head.tenant_id, head.chain, head.key_id)).encode()  # no half of a surrogate pair
    except (msgspec.ValidationError, UnicodeEncodeError):
        return
    yield head


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
