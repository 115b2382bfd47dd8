"""The one place where HTTP clients are made, so that another library of the same manners can take over in one line."""

from __future__ import annotations

from pathlib import Path

import httpx

from secconsole import __version__
from secconsole.backends.trust import trusting
from secconsole.config.address import Address

CONNECT, ANSWER = 5.0, 30.0  # seconds


def make_client(address: Address, ca_file: Path | None = None) -> httpx.AsyncClient:
    """A client that keeps its connections; it heeds no proxy variables, and follows nobody elsewhere."""
    headers = {"user-agent": f"secconsole/{__version__}", "accept": "application/json"}
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
