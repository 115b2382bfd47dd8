"""Server addresses as people write them: https://…, unix:PATH, and http://… for this machine only."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from secconsole.domain.errors import Invalid
from secconsole.domain.text import visible

LONGEST = 2_000  # characters
_FORMS = "an address begins with https://, or with unix: and the path of a socket"


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a server.

    `url` is what an HTTP client takes. `socket` is set for a UNIX socket only.
    """

    url: str
    title: str  # for people: the host with its port, or the path of the socket
    socket: Path | None = None

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("https://")


def parse_server_url(text: str) -> Address:
    """Parse an address.

    Raise `Invalid` if it is malformed, or would send passwords over a network in the clear.
    """
    if len(text) > LONGEST or not text.isprintable() or not text.isascii() or " " in text:
        shown = visible(text if len(text) <= 60 else f"{text[:60]}…")
        raise Invalid(
            f"{shown} is not a valid server address. Use plain letters without spaces, and not too many.", "backend"
        )
    if text.startswith("unix:"):
        return _socket(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Invalid(f"{text} is not a valid server address: its host or port is malformed.", "backend") from None
    if parts.scheme not in ("https", "http") or not text[len(parts.scheme) :].startswith("://"):
        raise Invalid(f"{text} is not a valid server address: {_FORMS}.", "backend")
    _refuse_extras(text, parts)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_on_this_machine(host):
        raise Invalid(
            f"{text} would send passwords and your session in the clear. Use https://, or the server's UNIX socket.",
            "backend",
        )
    shown = f"[{host}]" if ":" in host else host
    title = f"{shown}:{port}" if port is not None else shown
    return Address(f"{parts.scheme}://{title}{parts.path.rstrip('/')}", title + parts.path.rstrip("/"))


def server_name(url: str) -> str:
    """Return the name of a server for people, or raise `Invalid` like `parse_server_url`."""
    return parse_server_url(url).title


def is_on_this_machine(host: str) -> bool:
    """Return True if traffic to a host stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _socket(text: str) -> Address:
    path = Path(text.removeprefix("unix:").removeprefix("//"))
    if not path.name or not path.is_absolute():
        raise Invalid(
            f"{text} is not an absolute path of a socket. Write it as in unix:/run/secconsole/api.sock.", "backend"
        )
    return Address(f"unix:{path}", str(path), path)


def _refuse_extras(text: str, parts: SplitResult) -> None:
    """Refuse a user name, which makes an address look like another, and a query or fragment, which has no meaning."""
    if "@" in parts.netloc:
        raise Invalid(
            f"{text} contains a name or password before the host. Leave it out and sign in instead: secconsole sign-in",
            "backend",
        )
    host = parts.hostname or ""
    if not host or not all(c.isalnum() or c in "-._:" for c in host):
        raise Invalid(f"{text} does not name a host.", "backend")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise Invalid(f"{text} contains a query or fragment. Leave out ? and #.", "backend")
