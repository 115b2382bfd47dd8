"""Opening of a backend by its address."""

from __future__ import annotations

from pathlib import Path

from secconsole.backends.base import Backend
from secconsole.backends.session_backend import TokenStore
from secconsole.operations.caller import Credential


async def open_backend(
    url: str, *, credential: Credential, channel: str, ca_file: str = "", kept: TokenStore | None = None
) -> Backend:
    """Open the embedded store for an empty address, else a server, or raise `Invalid` for a wrong address.

    With `ca_file` only its authorities are trusted, else those that this machine trusts. `kept` is the storage of the
    credential, so that a credential that replaces it is stored too.
    """
    if not url:
        from secconsole.backends.embedded import open_embedded
        from secconsole.backends.head_log import write_lines

        opened = await open_embedded(credential, channel, kept=kept)
        if channel == "console":
            opened.head_log.stay(write_lines)
            opened.stream_worker.stay()
            opened.retention_worker.stay()
            opened.tending.stay()
        opened.alert_worker.stay()
        return opened
    from secconsole.backends.http import HttpBackend

    return HttpBackend(url, credential, Path(ca_file) if ca_file else None, kept)
