"""Streams of the audit: adding, listing, testing and removing receivers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from secconsole.domain.audit.audit_stream import LONGEST_PEM, LONGEST_RECEIVER, LONGEST_STREAM_NAME, StreamKind
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Id, Moment, TenantName

StreamName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_STREAM_NAME,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]*$",
        description="A name for people: letters, digits, dots and dashes.",
    ),
]
StreamChoice = Annotated[str, Meta(max_length=LONGEST_STREAM_NAME, description="A stream's name, in any case, or id.")]
ReceiverAddress = Annotated[
    str,
    Meta(
        max_length=LONGEST_RECEIVER,
        description="HOST or HOST:PORT for `syslog-tls`, a path for `syslog-unix`, a URL for `webhook`.",
    ),
]
Pem = Annotated[str, Meta(max_length=LONGEST_PEM, description="Certificates as PEM, or empty.")]
PemKey = Annotated[Secret[str], Meta(max_length=LONGEST_PEM, description="An unencrypted private key as PEM.")]


class StreamState(StrEnum):
    """State of a stream: CURRENT has everything, BEHIND has not yet, FAILING could not be sent the last time."""

    CURRENT = "current"
    BEHIND = "behind"
    FAILING = "failing"


class StreamTest(StrEnum):
    """Outcome of the last test of a receiver.

    PASSED: it took the message.
    """

    NONE = "none"
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditStream:
    """Stream to a receiver.

    `to`: its address, without the path of a URL, which may be a secret. `sent`: number of the last entry that it has,
    of `newest`. `behind`: how many entries it has not yet, the oldest of them written at `behind_since`. `problem`: why
    the last attempt failed, the first of `failures` in a row at `failing_since`, and the next at `next_try`.
    """

    id: Id
    name: str
    kind: StreamKind
    to: str
    state: StreamState
    sent: int
    newest: int
    behind: int
    behind_since: Moment | None
    last_sent: Moment | None
    failures: int
    problem: str
    failing_since: Moment | None
    next_try: Moment | None
    test: StreamTest
    tested: Moment | None
    test_problem: str
    created: Moment
    by: str


@dataclass(frozen=True, slots=True)
class AuditStreams:
    items: tuple[AuditStream, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class StreamAdded:
    """New stream.

    `secret`: what a webhook's requests are signed with, shown only once. None for other kinds.
    """

    stream: AuditStream
    secret: Secret[str] | None = None


@declare(
    "audit-stream.list",
    "GET",
    "/v1/tenants/{tenant}/audit/streams",
    Permission.SEE,
    example=lambda s: (ListAuditStreams(tenant=s.TENANT), AuditStreams((s.STREAM,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAuditStreams(Operation[AuditStreams]):
    """List the receivers of the audit, and how far each is behind."""

    tenant: TenantName


@declare(
    "audit-stream.add",
    "POST",
    "/v1/tenants/{tenant}/audit/streams",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.AUDIT_STREAM_ADDED,
    example=lambda s: (
        AddAuditStream(tenant=s.TENANT, name="siem", kind=StreamKind.SYSLOG_TLS, to="siem.acme.example:6514"),
        StreamAdded(s.STREAM),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class AddAuditStream(Operation[StreamAdded]):
    """Send every entry of the audit to a receiver from now on, or with `from_start` from the oldest entry on.

    Only a platform administrator may use a UNIX socket, an address that is not public or a port other than 443 and
    6514, unless the owner of the store allows the network or port. `ca`: the authorities to trust instead of this
    machine's. `certificate` and `key`: what to show to a receiver that demands a certificate.
    """

    tenant: TenantName
    name: StreamName
    kind: StreamKind
    to: ReceiverAddress
    ca: Pem = ""
    certificate: Pem = ""
    key: PemKey | None = None
    from_start: bool = False


@declare(
    "audit-stream.test",
    "POST",
    "/v1/tenants/{tenant}/audit/streams/test",
    Permission.MANAGE_POLICY,
    step_up="always",
    records=events.AUDIT_STREAM_TESTED,
    example=lambda s: (TestAuditStream(tenant=s.TENANT, stream="siem"), s.STREAM),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TestAuditStream(Operation[AuditStream]):
    """Send a test message to a receiver, and what it is behind by, at once.

    The outcome appears in the list of streams within seconds.
    """

    __test__ = False  # not a class of tests

    tenant: TenantName
    stream: StreamChoice


@declare(
    "audit-stream.remove",
    "POST",
    "/v1/tenants/{tenant}/audit/streams/remove",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.AUDIT_STREAM_REMOVED,
    example=lambda s: (RemoveAuditStream(tenant=s.TENANT, stream="siem"), s.STREAM),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveAuditStream(Operation[AuditStream]):
    """Send no more entries to a receiver."""

    tenant: TenantName
    stream: StreamChoice
