"""A receiver with everything that is needed to send to it, and the result of sending."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.audit.audit_stream import Receiver, StreamKind
from secconsole.domain.networks.reach import Reach
from secconsole.domain.secret import Secret

CONNECT, SEND = 10.0, 30.0  # seconds: to be connected, and for everything

UNREACHABLE = "The receiver cannot be reached. Check its name and port, and that its address is public or allowed."
SILENT = "The receiver did not answer in time."
INTERRUPTED = "The connection was interrupted before the receiver confirmed that it has everything."


@dataclass(frozen=True, slots=True)
class StreamReceiver:
    """Receiver of a stream.

    `ca`: the authorities to trust as PEM, empty for those of this machine. `certificate` and `key`: ours, as PEM.
    `secret`: what a webhook is signed with.
    """

    kind: StreamKind
    to: Receiver
    reach: Reach
    ca: str = ""
    certificate: str = ""
    key: Secret[str] | None = None
    secret: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """Result of sending: how many messages the receiver certainly has, and why the next one was not sent.

    The problem is in our own words, never the receiver's. `wait`: seconds that it asked to wait.
    """

    count: int
    problem: str = ""
    wait: int = 0
