"""Mailbox and phone of a demo: one file in its home, in place of a mail server and Twilio.

All messages can be read there, with their codes. That is the purpose of a demo and must never happen with another
store: two marks decide whether a store belongs to a demo (`backends/demo/inbox.py`), and no setting leads here.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

from secconsole.config.private import refuse_shared
from secconsole.delivery.message import DeliveryOutcome, Message, Result
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret

FILE = "inbox.jsonl"
KEPT = 200  # messages; the file is truncated to that number once it contains twice as many
_NOT_WRITTEN = "The demo's inbox cannot be written. Check whether the disk is full."


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """Message as it arrived.

    `login`: the user it belongs to, empty for a test of settings. `subject`: set for mail only.
    """

    id: str
    at: datetime
    kind: FactorKind
    login: str
    to: str
    subject: str
    text: Secret[str]


class Inbox:
    """Private file with one message per line.

    Several processes may read and write: a lock keeps each line whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, id: str, kind: FactorKind, login: str, message: Message, at: datetime) -> DeliveryOutcome:
        """Deliver a message, blocking until it is on disk."""
        line = [id, int(at.timestamp() * 1000), kind, login, message.to, message.subject, message.text.reveal()]
        try:
            with self._locked(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as file:
                lines = file.readlines()
                if len(lines) >= 2 * KEPT:
                    lines = lines[-KEPT + 1 :]
                    file.seek(0)
                    file.writelines(lines)
                file.write(json.dumps(line) + "\n")
                file.truncate()
        except Unavailable as error:
            return DeliveryOutcome(Result.LATER, error.message)
        except OSError:
            return DeliveryOutcome(Result.LATER, _NOT_WRITTEN)
        return DeliveryOutcome(Result.SENT)

    def messages(self) -> tuple[InboxMessage, ...]:
        """Return all messages, newest first, or raise `Unavailable` if other users can read the file."""
        if not self.path.exists():
            return ()
        with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as file:
            lines = file.readlines()
        found = [message for line in reversed(lines) if (message := _read(line)) is not None]
        return tuple(found[:KEPT])

    def stamp(self) -> tuple[int, int]:
        """Return a value that changes with each message, at the cost of one stat."""
        try:
            info = os.stat(self.path)
        except OSError:
            return (0, 0)
        return info.st_mtime_ns, info.st_size

    def empty(self) -> None:
        """Delete messages of an earlier store in the same home."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, flags: int, lock: int) -> Iterator[TextIOWrapper]:
        writes = flags & os.O_RDWR
        with open(os.open(self.path, flags | os.O_CLOEXEC, 0o600), "r+" if writes else "r", encoding="utf-8") as file:
            refuse_shared(self.path, os.fstat(file.fileno()))
            fcntl.flock(file, lock)
            yield file


def _read(line: str) -> InboxMessage | None:
    """Return a line as a message, or None for one truncated by a full disk."""
    try:
        id, at, kind, login, to, subject, text = json.loads(line)
        return InboxMessage(
            str(id),
            datetime.fromtimestamp(at / 1000, UTC),
            FactorKind(kind),
            str(login),
            str(to),
            str(subject),
            Secret(str(text)),
        )
    except (ValueError, TypeError, OverflowError, OSError):
        return None
