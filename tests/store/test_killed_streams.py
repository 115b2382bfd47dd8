"""A process killed while it sends the audit: every entry arrives at least once, and none is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.operations.audit import ShowAuditHead
from secconsole.operations.audit_streams import AddAuditStream, ListAuditStreams
from tests.delivery.stream_receivers import unix_stream
from tests.organisation import TENANT, Organisation
from tests.store.processes import worker
from tests.store.worker_streams import send_streams

USERS = 40


@pytest.mark.parametrize("received_before", [1, 9, 23])
async def test_a_killed_process_leaves_no_gap(organisation: Organisation, tmp_path: Path, received_before: int) -> None:
    path = tmp_path / "log"
    for number in range(USERS):
        await organisation.add(f"u{number}")
    await organisation.perform(
        AddAuditStream(tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_UNIX, to=str(path), from_start=True)
    )
    await organisation.backend.stream_worker.wait_idle()  # nobody listens yet
    organisation.clock.forward(seconds=10)
    async with unix_stream(path) as received:
        with worker(send_streams, organisation.home, organisation.clock.now) as process:
            assert await asyncio.to_thread(process.hear) == "ready"
            process.say("begin")
            while len(received.seqs) < received_before:
                await asyncio.sleep(0)
            process.kill()
        organisation.clock.forward(minutes=2)  # the lease of the process that is gone
        organisation.backend.stream_worker.wake()
        await organisation.backend.stream_worker.wait_idle()
        newest = (await organisation.perform(ShowAuditHead(tenant=TENANT))).items[0].seq
        assert set(received.seqs) == set(range(1, newest + 1))
        again = len(received.seqs) - newest
        assert 0 <= again <= 2  # one portion
        assert received.seqs[-1] == newest
        (one,) = (await organisation.perform(ListAuditStreams(tenant=TENANT))).items
        assert one.behind == 0
