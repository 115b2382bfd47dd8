"""Opening a backend by its address."""

from __future__ import annotations

from urllib.parse import urlsplit

from secconsole.backends.base import Backend
from secconsole.domain.errors import Invalid
from secconsole.operations.caller import Credential

SCHEMES = ("https://", "http://", "unix:")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def open_backend(url: str, *, credential: Credential, channel: str) -> Backend:
    """Open the embedded store for an empty address, else a server's; raise `Invalid` for any other."""
    if not url:
        from secconsole.backends.embedded import open_embedded

        return await open_embedded(credential, channel)
    if not url.startswith(SCHEMES):
        raise Invalid(f"{url} is no address of a server: it begins with https://, or unix: and a path.", "backend")
    if url.startswith("http://") and urlsplit(url).hostname not in LOOPBACK:
        raise Invalid(
            f"{url} would send your session in the clear. Use https://, or the server's UNIX socket.", "backend"
        )
    from secconsole.backends.http import HttpBackend

    return HttpBackend(url, credential)
