"""Heads of the audit, written to a log each hour and when the store is closed.

A log that is kept elsewhere, or that only the system can change, proves later that no entry was removed, even if
an older state of the store was restored: `secconsole audit verify --against FILE`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import sqlalchemy as sa

from secconsole.config import locations
from secconsole.domain.errors import SecconsoleError
from secconsole.operations.audit import AuditHead
from secconsole.operations.head_files import FIELD
from secconsole.service.audit_heads import signed_heads
from secconsole.service.store import Store
from secconsole.store.sealing.keys import KeyRing

log = logging.getLogger(__name__)

EVERY = 3600.0  # seconds
ALL_EVERY = 24  # rounds after which heads that have not moved are written too, because logs are deleted after some time
FILE = "audit-heads.log"
SYSTEM_LOG = "/dev/log"
_AUTHPRIV_INFO = "<86>"  # RFC 5424 section 6.2.1: facility 10, severity 6
_WAIT = 2.0

Write = Callable[[Sequence[AuditHead]], None]


class HeadLog:
    """Writer of the heads of one store, which begins with `stay`."""

    def __init__(self, store: Store, keys: KeyRing, clock: Callable[[], float] | None = None) -> None:
        self._store, self._keys, self._clock = store, keys, clock
        self._write: Write | None = None
        self._task: asyncio.Task[None] | None = None
        self._written: dict[tuple[str, str], int] = {}
        self._rounds = 0

    def stay(self, write: Write) -> None:
        """Write the heads each hour from now on, and when the store is closed."""
        self._write = write
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Write the heads that have moved since they were last written, and stop."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        await self.write_moved()

    async def write_moved(self) -> None:
        """Write the heads that have moved, or only report that the store does not answer."""
        if self._write is None:
            return
        try:
            heads, unsigned = await asyncio.wrap_future(self._store.read(self._heads))
        except SecconsoleError as error:
            log.warning("The heads of the audit could not be read: %s", error.message)
            return
        for tenant in unsigned:
            log.error("The signed head of the audit of %s is missing or was changed: secconsole audit verify", tenant)
        moved = [head for head in heads if self._written.get((head.tenant_id, head.chain)) != head.seq]
        if moved:
            await asyncio.to_thread(self._write, moved)
            self._written.update({(head.tenant_id, head.chain): head.seq for head in moved})

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self._rounds += 1
            if self._rounds % ALL_EVERY == 0:
                self._written.clear()
            await self.write_moved()

    def _heads(self, connection: sa.Connection) -> tuple[list[AuditHead], list[str]]:
        now = self._clock() if self._clock is not None else self._store.now(connection)
        return signed_heads(connection, self._keys, int(now * 1000))


def log_heads(heads: Sequence[AuditHead]) -> None:
    """Write one record to the log for each head, as a server does, with the head where the log is not a terminal."""
    for head in heads:
        log.info("Head of the audit of %s.", head.tenant, extra={"facts": {FIELD: _plain(head)}})


def write_lines(heads: Sequence[AuditHead]) -> None:
    """Write one line for each head to a private file and to the system's log, as a console does.

    The file belongs to the user who can write to the store. The system's log does not, where there is one.
    """
    lines = [json.dumps({FIELD: _plain(head)}) for head in heads]
    with suppress(OSError, SecconsoleError):
        path = locations.ensure_private_dir(locations.log_dir()) / FILE
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("".join(line + "\n" for line in lines))
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system:
        system.settimeout(_WAIT)
        system.connect(SYSTEM_LOG)
        for line in lines:
            system.send(f"{_AUTHPRIV_INFO}secconsole[{os.getpid()}]: {line}".encode())


def _plain(head: AuditHead) -> object:
    return msgspec.to_builtins(head)
