"""Queueing of messages: checked against the caps, sealed, and stored in the outbox within the same transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from secconsole.delivery.message import Message
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import address_key, masked_mail
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.messages.sending import Cap, CapSubject, allowed_from, caps_of
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.service.context import Context
from secconsole.store import outbox
from secconsole.store.delivery import settings_to_send_with
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sealing.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Request:
    """Request for a message.

    `settings`: the id of those to send it with, empty for those in effect.
    """

    tenant: TenantRow
    user: UserRecord | None
    kind: FactorKind
    to: str
    purpose: Purpose
    attempt: str
    factor: str = ""
    settings: str = ""

    @property
    def masked(self) -> str:
        return masked_phone(self.to) if self.kind is FactorKind.SMS else masked_mail(self.to)


def can_send(context: Context, tenant: TenantRow, kind: FactorKind) -> bool:
    """Return True if codes of a kind can be sent: settings are in effect, or a demo keeps them locally."""
    return context.stays_here or settings_to_send_with(context.connection, tenant.pk, kind, "") is not None


def free_at(context: Context, request: Request, *, but: CapSubject | None = None, besides: int = 0) -> int:
    """Return the time from which the caps allow this message, now or earlier if at once.

    `but`: leave out the caps that count this, which the caller has checked for many messages at once. `besides`: other
    messages of the same request to this address, which are not in the outbox yet.
    """
    user_pk, address = request.user.pk if request.user else None, _address(context, request)
    found: list[tuple[Cap, int | None]] = []
    for cap in caps_of(request.kind, request.purpose):
        if cap.counted is but:
            continue
        if besides and cap.counted is CapSubject.ADDRESS:
            if besides >= cap.most:
                found.append((cap, context.now))
                continue
            cap = replace(cap, most=cap.most - besides)
        then = outbox.nth_latest(
            context.connection,
            cap,
            request.tenant.pk,
            request.kind,
            user_pk,
            address,
            now=context.now,
            purpose=request.purpose,
        )
        found.append((cap, then))
    return allowed_from(found, context.now)


def room_of(context: Context, kind: FactorKind, purpose: Purpose) -> tuple[int, int]:
    """Return how many more messages the tenant's cap allows, and the time from which it allows one."""
    connection, tenant_pk, now = context.connection, context.tenant.pk, context.now
    (cap,) = (cap for cap in caps_of(kind, purpose) if cap.counted is CapSubject.TENANT)
    sent = outbox.count_of_tenant(connection, tenant_pk, kind, purpose, since=now - cap.window, now=now)
    if sent < cap.most:
        return cap.most - sent, now
    then = outbox.nth_latest(connection, cap, tenant_pk, kind, None, b"", now=now, purpose=purpose)
    return 0, allowed_from([(cap, then)], now)


def post(context: Context, request: Request, message: Message, *, expires: int) -> str:
    """Queue a message to be sent after commit and before it `expires`, and return its id."""
    id = context.new_id()
    values: dict[str, object] = {
        "id": id,
        "tenant_pk": request.tenant.pk,
        "user_pk": request.user.pk if request.user else None,
        "kind": request.kind,
        "purpose": request.purpose,
        "attempt": request.attempt,
        "masked": request.masked,
        "address": _address(context, request),
        "sealed": _seal(context, request.tenant.pk, id, message),
        "settings": request.settings,
        "due": context.now,
        "created": context.now,
        "expires": expires,
    }
    outbox.add(context.connection, values)
    context.posted = True
    return id


def unseal_message(keys: KeyRing, tenant_pk: int, id: str, sealed: bytes) -> Message:
    text = keys.unseal(sealed, purpose="outbox", tenant=str(tenant_pk), row=id)
    to, subject, body = json.loads(text.reveal())
    return Message(to, subject, Secret(body))


def _seal(context: Context, tenant_pk: int, id: str, message: Message) -> bytes:
    text = json.dumps([message.to, message.subject, message.text.reveal()]).encode()
    return context.seal(Secret(text), purpose="outbox", tenant=str(tenant_pk), row=id)


def _address(context: Context, request: Request) -> bytes:
    """Return a keyed digest for counting."""
    to = address_key(request.to) if request.kind is FactorKind.EMAIL else request.to
    return context.keys.lookup(f"address\0{request.tenant.id}\0{to}")
