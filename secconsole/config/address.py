"""Addresses of servers, as people write them: https://…, unix:PATH, and http://… on this machine only."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from secconsole.domain.errors import Invalid
from secconsole.domain.text import visible

LONGEST = 2_000  # characters
_FORMS = "it begins with https://, or with unix: and the path of a socket"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. `url` is what a client takes; `socket` is set for a UNIX socket only."""

    url: str
    title: str  # what people call it: the host with its port, or the socket's path
    socket: Path | None = None

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("https://")


def parse_address(text: str) -> Address:
    """Read an address; raise `Invalid` for what is none, and for one where passwords would cross a network in clear."""
    if len(text) > LONGEST or not text.isprintable() or not text.isascii() or " " in text:
        shown = visible(text if len(text) <= 60 else f"{text[:60]}…")
        raise Invalid(f"{shown} is no address of a server: plain letters, without spaces, and not endless.", "backend")
    if text.startswith("unix:"):
        return _socket(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Invalid(f"{text} is no address of a server: host or port cannot be read.", "backend") from None
    if parts.scheme not in ("https", "http") or not text[len(parts.scheme) :].startswith("://"):
        raise Invalid(f"{text} is no address of a server: {_FORMS}.", "backend")
    _refuse_extras(text, parts)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        raise Invalid(
            f"{text} would send passwords and your session in the clear. Use https://, or the server's UNIX socket.",
            "backend",
        )
    shown = f"[{host}]" if ":" in host else host
    title = f"{shown}:{port}" if port is not None else shown
    return Address(f"{parts.scheme}://{title}{parts.path.rstrip('/')}", title + parts.path.rstrip("/"))


def server_name(url: str) -> str:
    """What people call the server at an address; raises `Invalid` as `parse_address`."""
    return parse_address(url).title


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _socket(text: str) -> Address:
    path = Path(text.removeprefix("unix:").removeprefix("//"))
    if not path.name or not path.is_absolute():
        raise Invalid(f"{text} needs the whole path of a socket, as in unix:/run/secconsole/api.sock.", "backend")
    return Address(f"unix:{path}", str(path), path)


def _refuse_extras(text: str, parts: SplitResult) -> None:
    """A name before the host makes an address look like another one; a query or fragment means nothing here."""
    if "@" in parts.netloc:
        raise Invalid(f"{text} has a name or password before the host. Sign in instead: secconsole sign-in", "backend")
    host = parts.hostname or ""
    if not host or not all(c.isalnum() or c in "-._:" for c in host):
        raise Invalid(f"{text} names no host.", "backend")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise Invalid(f"{text} has something after the path: leave out ? and #.", "backend")
