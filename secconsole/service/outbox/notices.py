"""Mails to users about audit entries that concern their account, for events with a notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from secconsole.delivery.texts import notice_message
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.sending import NOTICE_LASTS
from secconsole.domain.model import FactorKind
from secconsole.operations.events import Details, Event, utc_words
from secconsole.service.context import Context, when
from secconsole.service.outbox.queue import Request, free_at, post
from secconsole.service.outbox.recipients import addresses_of, can_mail
from secconsole.store import factors
from secconsole.store.rows import TenantRow, UserRecord

_CHANNELS = {"console": "the console", "command": "the command line", "api": "the API"}


@dataclass(slots=True)
class Notices:
    """Notices about one transaction's changes to users' accounts."""

    _sends: dict[int, bool] = field(default_factory=dict)  # by tenant: whether it can send mail

    def notify(
        self,
        context: Context,
        tenant: TenantRow,
        user: UserRecord,
        event: Event,
        entry: str,
        details: Details,
        former: Iterable[str],
    ) -> int | None:
        """Queue a mail to each address on record, and return their number, or None if the event has no notice.

        `former`: addresses that were on record until now. Without mail settings nothing is kept for later, and no error
        in an address or a text prevents the event itself.
        """
        notice = event.notice
        if notice is None or not notice.applies(details):
            return None
        if not self._can_send(context, tenant):
            return 0
        values = {
            **notice.values(details),
            "login": user.login,
            "when": utc_words(when(context.now)),
            "who": _who(context, user),
            "where": _where(context),
            "entry": entry,
        }
        queued = 0
        live = factors.live_factors(context.connection, user.pk)
        for address in addresses_of(user, live, former):
            request = Request(tenant, user, FactorKind.EMAIL, address, Purpose.NOTICE, f"notice {entry}")
            if free_at(context, request) > context.now:
                continue
            message = notice_message(notice.text, address, tenant=tenant, values=values)
            post(context, request, message, expires=context.now + NOTICE_LASTS)
            queued += 1
        return queued

    def _can_send(self, context: Context, tenant: TenantRow) -> bool:
        if tenant.pk not in self._sends:
            self._sends[tenant.pk] = can_mail(context.connection, tenant.pk)
        return self._sends[tenant.pk]


def _who(context: Context, user: UserRecord) -> str:
    """Return the actor's role: a mail must name nobody to impersonate to the helpdesk, and the entry has the name."""
    actor = context.found_actor
    if actor is None or (actor.user is not None and actor.user.pk == user.pk):
        return f"someone signed in or signing in as {user.login}"
    if actor.token is not None:  # all that tokens may do and notices report
        return "a program that checks codes for the organisation"
    return f"an administrator ({actor.role})"


def _where(context: Context) -> str:
    channel = _CHANNELS.get(context.source.channel, context.source.channel)
    return f"{channel}, {context.source.address or 'on the server itself'}"
