"""The only place that creates HTTP clients, so that a compatible library can replace httpx in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from secconsole import __version__
from secconsole.backends.trust import trusting
from secconsole.config.address import Address

CONNECT, ANSWER = 5.0, 15.0  # seconds; the second limits the whole wait, repetitions included
LONGEST_ANSWER = 32 * 1024 * 1024  # bytes; several times the longest reply of our server
LONGEST_LINE = 64 * 1024  # of a stream


def make_client(address: Address, ca_file: Path | None = None) -> httpx.AsyncClient:
    """Return a client that keeps connections open, ignores proxy variables, and follows no redirects.

    It requests uncompressed responses: a few compressed bytes could fill the memory.
    """
    headers = {"user-agent": f"secconsole/{__version__}", "accept": "application/json", "accept-encoding": "identity"}
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=4)
    if address.socket is not None:
        # Reading the machine's certificates takes longer than the first answer, and a socket needs none.
        transport = httpx.AsyncHTTPTransport(uds=str(address.socket), verify=False, limits=limits)
    else:
        verify = trusting(ca_file) if address.encrypted else False
        transport = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)
    return httpx.AsyncClient(
        transport=transport,
        base_url="http://localhost" if address.socket is not None else address.url,
        headers=headers,
        timeout=httpx.Timeout(ANSWER, connect=CONNECT),
        trust_env=False,
        follow_redirects=False,
    )


async def whole(answer: httpx.Response) -> httpx.Response:
    """Return a streamed response with its whole body, or raise `httpx.DecodingError` if it is too long."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in answer.aiter_raw():
            size += len(part)
            if size > LONGEST_ANSWER:
                raise httpx.DecodingError("The answer is too long.", request=answer.request)
            parts.append(part)
    finally:
        await answer.aclose()
    headers = [(name, value) for name, value in answer.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts), request=answer.request)


async def lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the lines of a stream, or raise `httpx.DecodingError` for a line that is too long."""
    rest = b""
    async for part in answer.aiter_raw():
        *found, rest = (rest + part).split(b"\n")
        for line in found:
            yield line
        if len(rest) > LONGEST_LINE:
            raise httpx.DecodingError("A line is too long.", request=answer.request)
