"""The one place where HTTP clients are made, so that another library of the same manners can take over in one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from secconsole import __version__
from secconsole.backends.trust import trusting
from secconsole.config.address import Address

CONNECT, ANSWER = 5.0, 30.0  # seconds
LONGEST_ANSWER = 32 * 1024 * 1024  # bytes; several times what a server of ours has to say at once
LONGEST_LINE = 64 * 1024  # of a stream


def make_client(address: Address, ca_file: Path | None = None) -> httpx.AsyncClient:
    """A client that keeps its connections; it heeds no proxy variables, and follows nobody elsewhere.

    It asks for answers that are not compressed: a few bytes of those could fill the memory.
    """
    headers = {"user-agent": f"secconsole/{__version__}", "accept": "application/json", "accept-encoding": "identity"}
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=4)
    if address.socket is not None:
        transport = httpx.AsyncHTTPTransport(uds=str(address.socket), limits=limits)
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
    """An answer that was begun, with its body as it was sent; raises `httpx.DecodingError` for one without an end."""
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
    """The lines of a stream; raises `httpx.DecodingError` for one without an end."""
    rest = b""
    async for part in answer.aiter_raw():
        *found, rest = (rest + part).split(b"\n")
        for line in found:
            yield line
        if len(rest) > LONGEST_LINE:
            raise httpx.DecodingError("A line is too long.", request=answer.request)
