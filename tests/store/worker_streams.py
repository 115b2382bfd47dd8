"""A process that sends streams of the audit until it is killed."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.service.streams import sending
from tests.store.worker_calls import opened


def send_streams(home: Path, pipe: Connection, now: float) -> None:
    """Send in portions of two entries, from the moment of a message on."""
    sending.PORTIONS[StreamKind.SYSLOG_UNIX] = 2
    asyncio.run(_send(pipe, now))


async def _send(pipe: Connection, now: float) -> None:
    backend = await opened(now)
    pipe.send("ready")
    pipe.recv()
    backend.stream_worker.stay()
    await asyncio.Event().wait()
