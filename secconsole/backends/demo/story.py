"""A caller and an incident for show: what both look like in the audit, so that a demo has alerts with their causes.

Three hours ago uma called, whose phone was at home. hana checked her by a code to the address on record and issued a
bypass code. Half an hour ago one network guessed the passwords of many users. Then a caller who was not checked had
hana's phone unbound, bound another one from that network, and issued a bypass code as hana. Only the audit tells of it:
nobody's factors were changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import sqlalchemy as sa

from secconsole.backends.demo.people import TENANT
from secconsole.domain.messages.mail_address import mail_address, masked_mail
from secconsole.domain.model import FactorKind
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.operations.caller import Source
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.events import (
    BYPASS_ISSUED,
    BYPASS_USED,
    CALLER_CHECKED,
    FACTOR_CONFIRMED,
    SIGN_IN,
    UNBIND,
    Details,
    Event,
)
from secconsole.service.context import Actor, Context, when
from secconsole.service.factors.caller_checks import details_of
from secconsole.store import users as user_store
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.schema import users
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.tenants import tenant_by_name

GUESSED = 14  # users whose passwords were tried
STRANGE = "203.0.113.77"
NETWORK = "203.0.113."
FOR_SHOW = "demo story"
_MINUTE = 60_000


@dataclass(slots=True)
class _NoNotices:
    """Notifier that sends no mail."""

    sent: int = field(default=0)

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
        return None


def write(connection: sa.Connection, keys: KeyRing, now: int) -> None:
    """Write the entries of the incident, which ended some minutes before a time in milliseconds."""
    tenant = tenant_by_name(connection, TENANT)
    if tenant is None:
        return
    context = Context(connection, keys, now, Source("api", STRANGE), _NoNotices(), found_tenant=tenant)
    people = user_store.users_by_name(connection, tenant.pk, ["hana", "tomas", "uma"])
    with context.entries_together():
        crowd = _crowd(connection, tenant.pk)
        if len(people) == 3:
            _caller(context, people["hana"], people["uma"], now - 180 * _MINUTE)
        _guesses(context, crowd, now - 38 * _MINUTE)
        if crowd and len(people) == 3:
            _takeover(context, people["hana"], people["tomas"], crowd[0], now - 26 * _MINUTE)


def _caller(context: Context, hana: UserRecord, uma: UserRecord, begin: int) -> None:
    desk = replace(context, now=begin, source=Source("console"), found_actor=Actor(hana.login, hana.role, hana))
    check, to = context.new_id(), masked_mail(mail_address(uma.email))
    desk.audit(CALLER_CHECKED, uma, channel=FactorKind.EMAIL, to=to, check=check)
    then = replace(desk, now=begin + _MINUTE)
    checked = CallerCheck(check, FactorKind.EMAIL, to, hana.login, when(begin), until=when(begin + 10 * _MINUTE))
    _bypass(then, uma, "phone at home", "T-1904", checked)
    signs_in = replace(context, now=begin + 3 * _MINUTE, source=Source("api", "198.51.100.20"))
    signs_in.audit(BYPASS_USED, uma, by=uma.login)


def _bypass(context: Context, user: UserRecord, reason: str, ticket: str, check: CallerCheck | None) -> None:
    starts = when(context.now)
    ends = starts + timedelta(minutes=30)
    context.audit(
        BYPASS_ISSUED,
        user,
        reason=f"{FOR_SHOW}: {reason}",
        ticket=ticket,
        starts=starts.isoformat(),
        ends=ends.isoformat(),
        **details_of(check),
    )


def _guesses(context: Context, crowd: Sequence[UserRecord], begin: int) -> None:
    for number, user in enumerate(crowd):
        context.now = begin + number * 25_000
        at = replace(context, source=Source("api", f"{NETWORK}{70 + number % 3 * 7}"))
        at.audit(SIGN_IN, user, outcome="refused", rule=Rule.REFUSED)


def _takeover(context: Context, hana: UserRecord, tomas: UserRecord, user: UserRecord, begin: int) -> None:
    desk = replace(context, now=begin, source=Source("console"), found_actor=Actor(tomas.login, tomas.role, tomas))
    desk.audit(UNBIND, hana, reason=f"{FOR_SHOW}: lost phone, caller not checked", ticket="T-1911", factors=1)
    thief = replace(context, now=begin + 4 * _MINUTE)
    thief.audit(FACTOR_CONFIRMED, hana, by=hana.login, kind=FactorKind.TOTP, new_network=True)
    thief.audit(SIGN_IN, hana, by=hana.login, rule=Rule.HAS_FACTOR, factor=FactorKind.TOTP)
    acts = replace(thief, now=begin + 6 * _MINUTE, found_actor=Actor(hana.login, hana.role, hana))
    _bypass(acts, user, "new phone", "", None)


def _crowd(connection: sa.Connection, tenant_pk: int) -> list[UserRecord]:
    query = sa.select(users.c.login).where(users.c.tenant_pk == tenant_pk, users.c.role == Role.USER.value)
    logins = list(connection.execute(query.order_by(users.c.pk.desc()).limit(GUESSED)).scalars())
    return list(user_store.users_by_name(connection, tenant_pk, logins).values())
