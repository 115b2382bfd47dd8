"""Opening a backend by its address."""

from __future__ import annotations

from secconsole.backends.base import Backend
from secconsole.domain.errors import Invalid
from secconsole.operations.caller import Credential


async def open_backend(url: str, *, credential: Credential, channel: str) -> Backend:
    """Open the embedded store for an empty address; raise `Invalid` for an address that is not understood."""
    if url:
        raise Invalid(f"{url}: only the embedded store can be opened so far. Leave --backend away.", "backend")
    from secconsole.backends.embedded import open_embedded

    return await open_embedded(credential, channel)
