"""Proxies that the environment sets for outgoing requests, and errors in them.

Proxy addresses may contain a password: messages name only the variable, never its value.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.request import getproxies

from secconsole.domain.text import visible

if TYPE_CHECKING:
    import httpx

_SCHEMES = ("https", "all", "http")
LAST_PORT = 65535
_ADVICE = "Nothing was sent. Correct or unset it and start again."


def unusable_proxy() -> str:
    """Return an error in the environment's proxies that names the variable, empty if there is none."""
    import httpx

    found = getproxies()
    exceptions = [entry.strip() for entry in found.get("no", "").split(",")]
    if "*" in exceptions:  # then no proxy is used at all
        return ""
    for scheme in _SCHEMES:
        address = found.get(scheme)
        if not address:
            continue
        try:
            _tried(httpx.Proxy(address if "://" in address else f"http://{address}"))
        except ImportError:
            return f"{_named(scheme)} names a SOCKS proxy, which this program cannot use. {_ADVICE}"
        except (ValueError, httpx.InvalidURL):
            return f"{_named(scheme)} is not the address of a proxy, such as http://proxy.example:3128. {_ADVICE}"
    for entry in exceptions:
        if entry and not _is_pattern(entry):
            what = f"{_named('no')} contains the entry {visible(entry)}, which is not understood"
            return f"{what}. Use names, suffixes or addresses without brackets. {_ADVICE}"
    return ""


def _tried(proxy: httpx.Proxy) -> None:
    """Create what would use a proxy and let its errors through, without connecting."""
    import httpx

    if (proxy.url.port or 0) > LAST_PORT:
        raise ValueError("invalid port")
    httpx.AsyncHTTPTransport(proxy=proxy)


def _is_pattern(entry: str) -> bool:
    """Return True if httpx can match hosts against an entry."""
    import httpx

    host = f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else f"*{entry}"
    try:
        httpx.AsyncClient(mounts={entry if "://" in entry else f"all://{host}": None}, trust_env=False)
    except (ValueError, httpx.InvalidURL):
        return False
    return True


def _named(scheme: str) -> str:
    """Return the variable as it is spelled in the environment."""
    name = f"{scheme}_proxy"
    return next((spelled for spelled in (name, name.upper()) if os.environ.get(spelled)), name.upper())
