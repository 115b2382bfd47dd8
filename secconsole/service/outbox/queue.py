"""Messages on their way out: counted against the caps, sealed, and put into the outbox of the same transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass

from secconsole.delivery.message import Message
from secconsole.domain.delivery import Purpose
from secconsole.domain.mail_address import masked_mail
from secconsole.domain.model import FactorKind
from secconsole.domain.phone import masked_phone
from secconsole.domain.secret import Secret
from secconsole.domain.sending import allowed_from, caps_of
from secconsole.service.context import Context
from secconsole.store import outbox
from secconsole.store.delivery import settings_to_send_with
from secconsole.store.keys import KeyRing
from secconsole.store.rows import TenantRow, UserRecord


@dataclass(frozen=True, slots=True)
class Request:
    """Whose message goes where, and for what. `settings`: the id of those to send it with; empty: those in effect."""

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
    """Whether codes of a kind can leave: settings for it are in effect, or it is a demo, which keeps all to itself."""
    return context.stays_here or settings_to_send_with(context.connection, tenant.pk, kind, "") is not None


def free_at(context: Context, request: Request) -> int:
    """From when on the caps let this message go; now, or earlier, if at once."""
    user_pk, address = request.user.pk if request.user else None, _address(context, request)
    found = []
    for cap in caps_of(request.kind, request.purpose):
        then = outbox.nth_latest(
            context.connection, cap, request.tenant.pk, request.kind, user_pk, address,
            notices=request.purpose is Purpose.NOTICE,
        )  # fmt: skip
        found.append((cap, then))
    return allowed_from(found, context.now)


def post(context: Context, request: Request, message: Message, *, expires: int) -> str:
    """Have a message sent after commit, and not later than it `expires`; its id."""
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
        "sealed": _seal(context.keys, request.tenant.pk, id, message),
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


def _seal(keys: KeyRing, tenant_pk: int, id: str, message: Message) -> bytes:
    text = json.dumps([message.to, message.subject, message.text.reveal()]).encode()
    return keys.seal(Secret(text), purpose="outbox", tenant=str(tenant_pk), row=id)


def _address(context: Context, request: Request) -> bytes:
    """A keyed digest, to count by."""
    return context.keys.lookup(f"address\0{request.tenant.id}\0{request.to.casefold()}")
