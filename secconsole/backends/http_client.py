"""The one place where HTTP clients are made, so that another library of the same manners can take over in one line."""

from __future__ import annotations

import httpx

from secconsole import __version__

CONNECT, ANSWER = 5.0, 30.0  # seconds


def make_client(url: str) -> tuple[httpx.AsyncClient, str]:
    """A client that keeps its connections, and what people call the server; `url` is https://…, or unix:PATH."""
    headers = {"user-agent": f"secconsole/{__version__}", "accept": "application/json"}
    timeout = httpx.Timeout(ANSWER, connect=CONNECT)
    limits = httpx.Limits(max_connections=8, max_keepalive_connections=4)
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        transport = httpx.AsyncHTTPTransport(uds=path, limits=limits)
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers, timeout=timeout
        ), path
    client = httpx.AsyncClient(
        base_url=url.rstrip("/"),
        headers=headers,
        timeout=timeout,
        limits=limits,
        trust_env=False,
        follow_redirects=False,
    )
    return client, url
