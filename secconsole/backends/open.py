"""Opening a backend by its address."""

from __future__ import annotations

from pathlib import Path

from secconsole.backends.acting import KeptToken
from secconsole.backends.base import Backend
from secconsole.operations.caller import Credential


async def open_backend(
    url: str, *, credential: Credential, channel: str, ca_file: str = "", kept: KeptToken | None = None
) -> Backend:
    """Open the embedded store for an empty address, else a server's; raise `Invalid` for any other.

    `ca_file` names the authorities that alone are trusted; without it those that this machine trusts are. `kept`: where
    the credential is kept, so that the one that replaces it is kept there too.
    """
    if not url:
        from secconsole.backends.embedded import open_embedded

        return await open_embedded(credential, channel, kept=kept)
    from secconsole.backends.http import HttpBackend

    return HttpBackend(url, credential, Path(ca_file) if ca_file else None, kept)
