"""One portion of a stream, and its test, as its receiver takes them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from secconsole.delivery.streams.receiver import CONNECT, UNREACHABLE, Delivered, StreamReceiver
from secconsole.delivery.streams.syslog import send_syslog
from secconsole.domain.audit.audit_stream import StreamEntry, StreamKind, event_body, test_body
from secconsole.domain.audit.syslog import syslog_message, test_message

PORTIONS = {StreamKind.SYSLOG_TLS: 200, StreamKind.SYSLOG_UNIX: 200, StreamKind.WEBHOOK: 50}  # entries


async def send_entries(receiver: StreamReceiver, entries: Sequence[StreamEntry], now: int) -> Delivered:
    """Send entries in their order, without raising for anything the other side does."""
    if receiver.kind is StreamKind.WEBHOOK:
        from secconsole.delivery.streams.webhook import Request, send_requests  # late: only sending needs it

        requests = [Request(entry.id, event_body(entry)) for entry in entries]
        return await _evenly(receiver, send_requests(receiver, requests, now // 1000))
    messages = [syslog_message(entry, socket.gethostname()) for entry in entries]
    return await _evenly(receiver, send_syslog(receiver, messages))


async def send_test(receiver: StreamReceiver, tenant: str, stream: str, id: str, now: int) -> Delivered:
    """Send one message that is recognisable as a test."""
    if receiver.kind is StreamKind.WEBHOOK:
        from secconsole.delivery.streams.webhook import Request, send_requests

        request = Request(f"test-{id}-{now}", test_body(tenant, stream, now))
        return await _evenly(receiver, send_requests(receiver, [request], now // 1000))
    return await _evenly(receiver, send_syslog(receiver, [test_message(tenant, stream, now, socket.gethostname())]))


async def _evenly(receiver: StreamReceiver, sending: Coroutine[Any, Any, Delivered]) -> Delivered:
    """Return the result, that of an unreachable receiver after the same time whether it is closed or forbidden.

    Otherwise the administrators of a tenant could learn which ports of a network are open.
    """
    ends = time.monotonic() + CONNECT
    result = await sending
    if result.problem == UNREACHABLE and not receiver.reach.anywhere:
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
    return result
