"""Operations on the receivers of the audit."""

from __future__ import annotations

import re
import secrets
import ssl
from dataclasses import replace

from secconsole.delivery.streams.line import tls_context
from secconsole.delivery.streams.receiver import StreamReceiver
from secconsole.domain.audit.audit_stream import (
    LONGEST_PEM,
    LONGEST_STREAM_NAME,
    MOST_STREAMS,
    Receiver,
    StreamKind,
    parse_receiver,
    stream_reach,
)
from secconsole.domain.audit.webhook import SECRET_BYTES, secret_of
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable, Unfit
from secconsole.domain.networks.reach import Reach
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit_streams import (
    AddAuditStream,
    AuditStream,
    AuditStreams,
    ListAuditStreams,
    RemoveAuditStream,
    StreamAdded,
    TestAuditStream,
)
from secconsole.operations.events import AUDIT_STREAM_ADDED, AUDIT_STREAM_REMOVED, AUDIT_STREAM_TESTED
from secconsole.service.context import Context
from secconsole.service.reach import refuse_unreachable
from secconsole.service.registry import handles
from secconsole.service.streams.receivers import packed, shown
from secconsole.store.audit_log import audit_chain, audit_streams
from secconsole.store.audit_log.audit_checkpoints import link_before_first
from secconsole.store.audit_log.audit_streams import Position, StreamRecord

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_STREAM_NAME - 1}}}")
_NO_CERTIFICATES = "These are not certificates in PEM format, or the key does not belong to them."


@handles(ListAuditStreams)
def list_audit_streams(context: Context, operation: ListAuditStreams) -> AuditStreams:
    records = audit_streams.streams_of(context.connection, context.tenant.pk)
    return AuditStreams(tuple(shown(context.connection, context.tenant.pk, records, context.now)))


@handles(AddAuditStream)
def add_audit_stream(context: Context, operation: AddAuditStream) -> StreamAdded:
    name = operation.name.strip()
    if not _NAME.fullmatch(name):
        raise Invalid("A name begins with a letter or digit, and has letters, digits, dots and dashes.", "name")
    receiver = _receiver(context, operation)
    existing = audit_streams.streams_of(context.connection, context.tenant.pk)
    if any(record.name.casefold() == name.casefold() for record in existing):
        raise Conflict(f"There is a stream named {name} already. Remove it first, or choose another name.")
    if len(existing) >= MOST_STREAMS:
        raise Conflict(f"A tenant can have {MOST_STREAMS} streams. Remove one first.")
    id = context.new_id()
    values = {
        "id": id,
        "tenant_pk": context.tenant.pk,
        "name": name,
        "name_key": name.casefold(),
        "created": context.now,
        "by": context.actor.login,
        "due": context.now,
        **packed(context, context.tenant.pk, id, receiver),
    }
    start = _start(context, from_start=operation.from_start)
    audit_streams.add(context.connection, values, start)
    shown_to = receiver.to.words(receiver.kind)
    context.audit(AUDIT_STREAM_ADDED, reason=name, kind=receiver.kind, to=shown_to, after_entry=start.seq, id=id)
    # Wakes the process that sends, after the commit.
    context.posted = True
    return StreamAdded(_shown(context, _found(context, id)), receiver.secret)


@handles(TestAuditStream)
def test_audit_stream(context: Context, operation: TestAuditStream) -> AuditStream:
    record = _found(context, operation.stream)
    audit_streams.want_test(context.connection, record.pk, context.now)
    context.audit(AUDIT_STREAM_TESTED, reason=record.name, id=record.id)
    context.posted = True
    return _shown(context, _found(context, record.id))


@handles(RemoveAuditStream)
def remove_audit_stream(context: Context, operation: RemoveAuditStream) -> AuditStream:
    record = _found(context, operation.stream)
    removed = _shown(context, record)
    if not audit_streams.remove(context.connection, record.pk):
        raise NotFound("There is no such stream. It may have been removed.")
    context.audit(AUDIT_STREAM_REMOVED, reason=record.name, id=record.id, sent=removed.sent, unsent=removed.behind)
    return removed


def _found(context: Context, name: str) -> StreamRecord:
    record = audit_streams.stream_by_name(context.connection, context.tenant.pk, name)
    if record is None:
        raise NotFound("There is no such stream. See: secconsole audit stream list")
    return record


def _shown(context: Context, record: StreamRecord) -> AuditStream:
    (one,) = shown(context.connection, context.tenant.pk, [record], context.now)
    return one


def _start(context: Context, *, from_start: bool) -> Position:
    """Return the entry after which a new stream begins."""
    if from_start:
        link = link_before_first(context.connection, context.tenant.pk)
    else:
        link = audit_chain.last_link(context.connection, context.tenant.pk)
    return Position(audit_chain.MAIN, link.seq, link.mac)


def _receiver(context: Context, operation: AddAuditStream) -> StreamReceiver:
    """Return the receiver that is described, or raise what is wrong with it."""
    kind, to = operation.kind, parse_receiver(operation.kind, operation.to)
    reach = replace(stream_reach(context.reach), anywhere=context.actor.role is Role.PLATFORM_ADMIN)
    _check_reach(reach, kind, to)
    if bool(operation.certificate) != (operation.key is not None and bool(operation.key)):
        raise Unfit("Give both a certificate and its key, or neither.", "certificate")
    pems = (operation.ca, operation.certificate, operation.key.reveal() if operation.key else "")
    if any(len(pem) > LONGEST_PEM for pem in pems):
        raise Invalid(f"A certificate or key is longer than {LONGEST_PEM} characters.", "certificate")
    if any(pems) and not to.tls:
        raise Unfit("Certificates are only for receivers with TLS.", "certificate")
    secret = secret_of(Secret(secrets.token_bytes(SECRET_BYTES))) if kind is StreamKind.WEBHOOK else None
    key = operation.key if operation.certificate else None
    receiver = StreamReceiver(kind, to, reach, operation.ca, operation.certificate, key, secret)
    if any(pems):
        _check_certificates(receiver)
    return receiver


def _check_certificates(receiver: StreamReceiver) -> None:
    try:
        tls_context(receiver)
    except (ssl.SSLError, OSError, ValueError):
        raise Unfit(_NO_CERTIFICATES, "certificate") from None
    except Unavailable:  # of this machine's own authorities, which is reported when it sends
        return


def _check_reach(reach: Reach, kind: StreamKind, to: Receiver) -> None:
    """Raise `NotAllowed` for a receiver that is forbidden without a look-up.

    Names are resolved and checked at each connection.
    """
    if kind is StreamKind.SYSLOG_UNIX:
        if not reach.anywhere:
            raise NotAllowed("Only a platform-admin may send the audit to a socket of this machine.")
        return
    refuse_unreachable(reach, to.host, to.port)
