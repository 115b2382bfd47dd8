"""Audit entries as syslog messages (RFC 5424), with all facts as structured data.

The names and their meaning do not change. New ones are added at the end, so receivers must accept unknown names.
"""

from __future__ import annotations

import re

from secconsole.domain.audit.audit_stream import StreamEntry, iso
from secconsole.domain.text import visible

FACILITY = 13  # "log audit"
_SEVERITY = {"refused": 4, "failed": 3}  # warning and error, others are informational
_INFORMATIONAL = 6
# RFC 5612 reserves 32473 for examples: secconsole has no enterprise number.
SD_ID = "secconsole@32473"
_NAMES = (
    "tenant",
    "tenant_id",
    "chain",
    "seq",
    "mac",
    "id",
    "actor",
    "actor_id",
    "action",
    "target",
    "target_id",
    "outcome",
    "reason",
    "ticket",
    "channel",
    "address",
    "request_id",
    "details",
)
_LONGEST_VALUE = 16_000  # characters of details: longer ones are left out, so that a datagram holds the message
_SPECIAL = re.compile(r'["\\\]]')
_NOT_PRINTABLE = re.compile(r"[^!-~]")


def syslog_message(entry: StreamEntry, host: str) -> bytes:
    """Return an entry as one message without a newline."""
    target = f" {entry.target}" if entry.target else ""
    reason = f": {entry.reason}" if entry.reason else ""
    text = f"{entry.actor} {entry.action}{target} ({entry.outcome}){reason}"
    severity = _SEVERITY.get(entry.outcome, _INFORMATIONAL)
    return _message(severity, entry.at, host, entry.action, _structured(entry), text)


def test_message(tenant: str, stream: str, at: int, host: str) -> bytes:
    """Return the message that tests a receiver, which has no number and no MAC."""
    data = f"[{SD_ID}{_param('tenant', tenant)}{_param('test', stream)}]"
    return _message(_INFORMATIONAL, at, host, "test", data, f"test of the stream {stream}")


def octet_counted(message: bytes) -> bytes:
    """Return a message in the frame of RFC 5425 section 4.3."""
    return b"%d %s" % (len(message), message)


def _message(severity: int, at: int, host: str, id: str, data: str, text: str) -> bytes:
    header = f"<{FACILITY * 8 + severity}>1 {iso(at)} {_printable(host, 255)} secconsole - {_printable(id, 32)}"
    return f"{header} {data} \ufeff{visible(text)}".encode("utf-8", "backslashreplace")


def _structured(entry: StreamEntry) -> str:
    params = []
    for name in _NAMES:
        value = str(getattr(entry, name))
        if name == "details" and len(value) > _LONGEST_VALUE:
            params.append(_param("left_out", name))
        elif value:
            params.append(_param(name, value))
    return f"[{SD_ID}{''.join(params)}]"


def _param(name: str, value: str) -> str:
    return f' {name}="{_SPECIAL.sub(_escaped, visible(value))}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _printable(text: str, most: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:most] or "-"
