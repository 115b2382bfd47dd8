"""Frames between the PAM module and the agent: one letter, four digits of length, and that many bytes of text."""

from __future__ import annotations

import asyncio
from enum import StrEnum

LONGEST = 9999  # bytes of a frame's text
_HEAD = 5
_LONGEST_FIELD = 1024  # bytes of a field of the introduction, and of a reply
VERSION = "1"


class Sent(StrEnum):
    """Letter of a frame to the module."""

    INFORMATION = "I"
    ERROR = "E"
    PROMPT = "P"
    HIDDEN_PROMPT = "S"
    ACCEPTED = "Y"
    REFUSED = "N"
    UNAVAILABLE = "U"


class Received(StrEnum):
    """Letter of a frame from the module.

    Those before GO are fields of its introduction.
    """

    VERSION = "v"
    TENANT = "o"
    USER = "u"
    HOST = "h"
    SERVICE = "s"
    TERMINAL = "t"
    PASSWORD = "p"  # noqa: S105 - a letter
    GO = "g"
    REPLY = "R"
    ENDED = "X"


class BadFrame(Exception):
    """The module sent something that is not a frame."""


class Frames:
    """Frames over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, kind: Sent, text: str = "") -> None:
        """Send a frame, with zero bytes and what is too long left out."""
        content = text.replace("\0", "").encode(errors="replace")[:LONGEST]
        content = content.decode(errors="ignore").encode()  # without a character cut in two
        self._writer.write(f"{kind}{len(content):04d}".encode() + content)
        await self._writer.drain()

    async def receive(self) -> tuple[Received, str]:
        """Return the next frame.

        Raise `BadFrame` for anything else, and `asyncio.IncompleteReadError` if the connection ended.
        """
        head = await self._reader.readexactly(_HEAD)
        try:
            kind, length = Received(chr(head[0])), int(head[1:]) if head[1:].isdigit() else -1
        except ValueError:
            raise BadFrame("an unknown kind of frame") from None
        if not 0 <= length <= _LONGEST_FIELD:
            raise BadFrame("a frame of the wrong length")
        try:
            return kind, (await self._reader.readexactly(length)).decode()
        except UnicodeDecodeError:
            raise BadFrame("text that is not UTF-8") from None
