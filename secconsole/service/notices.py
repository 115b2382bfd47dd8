"""Which events are told to the user whose account they concern, and in which words.

NIST SP 800-63B-4 sections 4.1.2.1, 4.2.3 and 4.6: binding, recovery and invalidation are told to every address on
record, with a way to object. What is told hangs on the entry in the audit, so that no way to do a thing passes by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secconsole.delivery.texts import notice_message
from secconsole.domain.delivery import Purpose
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.sending import NOTICE_LASTS
from secconsole.service.context import Context, Detail, when
from secconsole.service.notified import addresses_of, can_mail
from secconsole.service.outgoing import Request, free_at, post
from secconsole.store import factors
from secconsole.store.rows import TenantRow, UserRecord

Details = Mapping[str, Detail]

_KINDS = {
    FactorKind.TOTP: "An authenticator app",
    FactorKind.EMAIL: "An e-mail address",
    FactorKind.SMS: "A phone number",
}
_CHANNELS = {"console": "the console", "command": "the command line", "api": "the programming interface"}


@dataclass(frozen=True, slots=True)
class _Notice:
    """A text's name, what it says beyond what all say, and of which of the entries it is sent."""

    text: str
    values: Callable[[Details], Mapping[str, str]] = lambda details: {}
    told: Callable[[Details], bool] = lambda details: True


def _factor(details: Details) -> Mapping[str, str]:
    instead = " in place of the one before" if details.get("replaced") else ""
    return {"factor": f"{_KINDS[FactorKind(str(details['kind']))]}{instead}"}


def _end(details: Details) -> Mapping[str, str]:
    until = details.get("until")
    return {"until": f"until {_moment(when(until))}" if isinstance(until, int) else "without an end"}


def _token(details: Details) -> Mapping[str, str]:
    end = datetime.fromisoformat(str(details["expires"]))
    return {"name": str(details["name"]), "scopes": str(details["scopes"]), "until": _moment(end)}


# By the action in the audit. Whoever makes another action that a user ought to know of adds it here, with its text.
NOTICES = {
    "factor.confirmed": _Notice("bound", _factor),
    "factor.removed": _Notice("removed", _factor, lambda details: details["state"] == FactorState.ACTIVE),
    "factor.key-mailed": _Notice(
        "key-mailed", lambda details: {"address": str(details["to"])}, lambda details: not details["on_record"]
    ),
    "unbind": _Notice("unbound"),
    "unbind.undone": _Notice("unbind-undone"),
    "account.mfa-cancelled": _Notice("cancelled"),
    "account.contact-changed": _Notice("contact", lambda details: {"address": str(details["after"])}),
    "recovery.created": _Notice("recovery-made"),
    "recovery.used": _Notice("recovery-used", lambda details: {"left": str(details["left"])}),
    "whitelist.added": _Notice("whitelisted", _end),
    "user.password-reset": _Notice("password-reset"),
    "password.changed": _Notice("password-changed"),
    "token.created": _Notice("token", _token),
}


@dataclass(slots=True)
class Notices:
    """Tells users of what one transaction does to their accounts."""

    _sends: dict[int, bool] = field(default_factory=dict)  # by tenant: whether it has a way to send mail

    def tell(
        self,
        context: Context,
        tenant: TenantRow,
        user: UserRecord,
        action: str,
        entry: str,
        details: Details,
        former: Iterable[str],
    ) -> int | None:
        """Put a mail to each address on record into the outbox; how many, or None if nobody is told of such a thing.

        `former`: addresses that were on record until just now. Without mail set up nothing is kept for later, and
        nothing that is wrong with an address or a text keeps the event itself from happening.
        """
        notice = NOTICES.get(action)
        if notice is None or not notice.told(details):
            return None
        if not self._can_send(context, tenant):
            return 0
        values = {
            **notice.values(details),
            "login": user.login,
            "when": _moment(when(context.now)),
            "who": _who(context, user),
            "where": _where(context),
            "entry": entry,
        }
        told = 0
        live = factors.live_factors(context.connection, user.pk)
        for address in addresses_of(user, live, former):
            request = Request(tenant, user, FactorKind.EMAIL, address, Purpose.NOTICE, f"notice {entry}")
            if free_at(context, request) > context.now:
                continue
            message = notice_message(notice.text, address, tenant=tenant.name, values=values)
            post(context, request, message, expires=context.now + NOTICE_LASTS)
            told += 1
        return told

    def _can_send(self, context: Context, tenant: TenantRow) -> bool:
        if tenant.pk not in self._sends:
            self._sends[tenant.pk] = can_mail(context.connection, tenant.pk)
        return self._sends[tenant.pk]


def _who(context: Context, user: UserRecord) -> str:
    """Who did it, by their role: a mail gives nobody a name to call the helpdesk as, and the entry has it."""
    actor = context.found_actor
    if actor is None or (actor.user is not None and actor.user.pk == user.pk):
        return f"somebody signed in as {user.login}, or about to be"
    if actor.token is not None:  # all that one may do that is told of
        return "a program that checks codes for the organisation"
    return f"an administrator ({actor.role})"


def _where(context: Context) -> str:
    channel = _CHANNELS.get(context.source.channel, context.source.channel)
    return f"{channel}, {context.source.address or 'on the server itself'}"


def _moment(moment: datetime) -> str:
    """Its offset is said and its zone named: where the reader is nobody knows."""
    return f"{moment:%Y-%m-%d %H:%M:%S} +00:00 (UTC)"
