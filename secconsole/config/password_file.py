"""List of one-time passwords in a private file, for printing: each line is on disk before its password counts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from secconsole.config.dates import local_words
from secconsole.config.private import sync_folder
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.text import visible
from secconsole.domain.users.password import ListedPassword

_LOGIN, _NAME = 24, 28  # characters of the columns


class ListNotWritten(Unavailable):
    """Error of the list's disk, after which no further user is reset."""


class PasswordFile:
    """Open list of one-time passwords."""

    def __init__(self, path: Path, file: BinaryIO, tenant: str, now: datetime) -> None:
        """Begin a list in a new file.

        Raise `Invalid` and remove the file if its disk fails.
        """
        self.path = path
        self._file, self._length, self._count = file, 0, 0
        self._before = (0, 0)  # length and count before the latest lines
        head = (
            f"One-time passwords of {visible(tenant)}, {local_words(now)}\n"
            "Each is for choosing a password at the next sign-in, and ends after some days.\n"
            "Hand them over in person, and destroy this list. If a login is listed twice, its last line counts.\n\n"
            f"{'Login':<{_LOGIN}}  {'Name':<{_NAME}}  One-time password\n"
        )
        try:
            self._add(head)
            sync_folder(path.parent)
        except (OSError, Unavailable) as error:
            self.close()
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise Invalid(f"Cannot write there: {why}", "path") from None

    @property
    def has_lines(self) -> bool:
        return self._count > 0

    async def keep(self, lines: Sequence[ListedPassword]) -> None:
        """Add lines and flush them to disk, or raise `ListNotWritten` and leave the file as it was."""
        before = self._length, self._count
        await asyncio.to_thread(self._add, "".join(map(_line, lines)))
        self._before = before
        self._count += len(lines)

    async def withdraw(self) -> None:
        """Remove the lines that were kept last."""
        await asyncio.to_thread(self._cut)

    async def end(self, words: str) -> None:
        """Add a line that ends the list of a job."""
        await asyncio.to_thread(self._add, f"\n{words}\n")

    def close(self) -> bool:
        """Close the list and return True, or remove it and return False if no password is on it."""
        self._file.close()
        if not self._count:
            self.path.unlink(missing_ok=True)
        return self._count > 0

    def _cut(self) -> None:
        length, count = self._before
        try:
            os.ftruncate(self._file.fileno(), length)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ListNotWritten(
                f"The list {self.path} cannot be written: {error.strerror}. Its last {self._count - count:,} passwords "
                "do not count. Destroy it once the job has ended."
            ) from None
        self._length, self._count = length, count

    def _add(self, text: str) -> None:
        data, handle = text.encode("utf-8", "backslashreplace"), self._file.fileno()
        try:
            written = 0
            while written < len(data):  # past the buffer of the file, which would keep what failed for later
                written += os.pwrite(handle, data[written:], self._length + written)
            os.fsync(handle)
        except OSError as error:
            with suppress(OSError):  # no half line that looks like a password
                os.ftruncate(handle, self._length)
            raise ListNotWritten(
                f"The list {self.path} cannot be written: {error.strerror}. Users who are not on it were not reset. "
                "Make room, and resume the job with another file."
            ) from None
        self._length += len(data)


def _line(line: ListedPassword) -> str:
    return f"{visible(line.login):<{_LOGIN}}  {visible(line.name):<{_NAME}}  {line.password.reveal()}\n"
