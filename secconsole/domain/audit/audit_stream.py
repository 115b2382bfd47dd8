"""Streams of the audit to receivers: their kinds, addresses, pauses after failures, and what they carry."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.messages.delivery import is_loopback
from secconsole.domain.networks.reach import MAIL_PORTS, Reach, is_odd_number, literal_address

MOST_STREAMS = 5  # of one tenant
LONGEST_STREAM_NAME = 63
LONGEST_RECEIVER = 1_000
LONGEST_PEM = 16_000
SYSLOG_PORT, HTTPS_PORT = 6514, 443
PORTS = (HTTPS_PORT, SYSLOG_PORT)
LONGEST_SOCKET = 100  # bytes of a path that fits sockaddr_un everywhere
LONGEST_PAUSE = 600_000  # milliseconds
_SHORTEST_PAUSE = 2_000
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_NO_HOST = "Enter the receiver as HOST or HOST:PORT, as in siem.acme.example:6514."
_NO_URL = "Enter a URL such as https://siem.acme.example/audit, without a query."
_NO_SOCKET = "Enter the path of a socket, as in /dev/log."


class StreamKind(StrEnum):
    """Way to a receiver: syslog over TLS (RFC 5425), syslog on a UNIX socket, or a signed HTTP request."""

    SYSLOG_TLS = "syslog-tls"
    SYSLOG_UNIX = "syslog-unix"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Address of a receiver.

    `path`: of the socket, or of the URL, which may be a secret.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = True

    def words(self, kind: StreamKind) -> str:
        """Return the address as people may see it, without the path of a URL."""
        if kind is StreamKind.SYSLOG_UNIX:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        if kind is StreamKind.SYSLOG_TLS:
            return f"{host}:{self.port}"
        rest = "/…" if self.path not in ("", "/") else ""
        port = "" if self.port == (443 if self.tls else 80) else f":{self.port}"
        return f"{'https' if self.tls else 'http'}://{host}{port}{rest}"


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """Audit entry with its place in a chain. `at` is in milliseconds, `details` are JSON."""

    tenant: str
    tenant_id: str
    chain: str
    seq: int
    mac: str
    id: str
    at: int
    actor: str
    actor_id: str
    action: str
    target: str
    target_id: str
    outcome: str
    reason: str
    ticket: str
    channel: str
    address: str
    request_id: str
    details: str


def parse_receiver(kind: StreamKind, text: str) -> Receiver:
    """Return the address that a text spells, or raise `Invalid` or `Unfit`."""
    text = text.strip()
    if len(text) > LONGEST_RECEIVER:
        raise Invalid(f"The address is longer than {LONGEST_RECEIVER} characters.", "to")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Unfit("The address contains characters that are not allowed.", "to")
    if kind is StreamKind.SYSLOG_UNIX:
        return _socket(text)
    return _url(text) if kind is StreamKind.WEBHOOK else _host_and_port(text)


def stream_reach(reach: Reach) -> Reach:
    """Return what receivers may be reached: as for mail servers, on ports of receivers instead."""
    return replace(reach, ports=(*PORTS, *(port for port in reach.ports if port not in MAIL_PORTS)))


def pause_after(failures: int) -> int:
    """Return the milliseconds to wait after so many failures in a row."""
    return min(LONGEST_PAUSE, _SHORTEST_PAUSE << min(max(failures, 1) - 1, 20))


def iso(at: int) -> str:
    """Return a time in milliseconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_body(entry: StreamEntry) -> bytes:
    """Return the body of a webhook's request for an entry."""
    names = [name for name in StreamEntry.__dataclass_fields__ if name != "details"]
    data = {name: getattr(entry, name) for name in names}
    data |= {"at": iso(entry.at), "details": json.loads(entry.details)}
    return _body("audit.entry", entry.at, data)


def test_body(tenant: str, stream: str, at: int) -> bytes:
    """Return the body of the request that tests a webhook."""
    return _body("audit.test", at, {"tenant": tenant, "stream": stream})


def _body(kind: str, at: int, data: object) -> bytes:
    # In ASCII, so that every text of an entry is valid JSON, whatever it contains.
    return json.dumps({"type": kind, "timestamp": iso(at), "data": data}, separators=(",", ":")).encode()


def _socket(text: str) -> Receiver:
    if not text.startswith("/") or len(text) > LONGEST_SOCKET:
        raise Unfit(_NO_SOCKET, "to")
    return Receiver(path=text, tls=False)


def _host_and_port(text: str) -> Receiver:
    if "/" in text or "@" in text:
        raise Unfit(_NO_HOST, "to")
    try:
        url = urlsplit(f"//{text}")
        host, port = url.hostname or "", url.port or SYSLOG_PORT
    except ValueError:
        raise Unfit(_NO_HOST, "to") from None
    return Receiver(_host(host, _NO_HOST), port)


def _url(text: str) -> Receiver:
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise Unfit(_NO_URL, "to") from None
    if url.scheme not in ("http", "https") or url.username or url.password or "?" in text or "#" in text:
        raise Unfit(_NO_URL, "to")
    tls = url.scheme == "https"
    if not tls and not is_loopback(host):
        raise Unfit("The audit is not sent over unencrypted connections. Use an https:// URL.", "to")
    return Receiver(_host(host, _NO_URL), port or (HTTPS_PORT if tls else 80), url.path or "/", tls)


def _host(host: str, message: str) -> str:
    if literal_address(host) is None and not _HOST.fullmatch(host):
        raise Unfit(message, "to")
    if is_odd_number(host):
        raise Unfit("Enter the address in its usual form, as in 192.0.2.1.", "to")
    return host
