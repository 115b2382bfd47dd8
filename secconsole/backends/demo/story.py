"""An incident for show: what an attack looks like in the audit, so that a demo has alerts with their causes.

Half an hour ago one network guessed the passwords of many users. Then a caller who was not checked had hana's phone
unbound, bound another one from that network, and issued a bypass code as hana. Only the audit tells of it: nobody's
factors were changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import sqlalchemy as sa

from secconsole.backends.demo.people import TENANT
from secconsole.domain.model import FactorKind
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.operations.caller import Source
from secconsole.operations.events import (
    BYPASS_ISSUED,
    FACTOR_CONFIRMED,
    SIGN_IN,
    UNBIND,
    Details,
    Event,
)
from secconsole.service.context import Actor, Context, when
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
    """Notifier that mails nobody."""

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


def tell(connection: sa.Connection, keys: KeyRing, now: int) -> None:
    """Write the entries of the incident, which ended some minutes before a time in milliseconds."""
    tenant = tenant_by_name(connection, TENANT)
    if tenant is None:
        return
    context = Context(connection, keys, now, Source("api", STRANGE), _NoNotices(), found_tenant=tenant)
    people = user_store.users_by_name(connection, tenant.pk, ["hana", "tomas"])
    with context.entries_together():
        crowd = _crowd(connection, tenant.pk)
        _guesses(context, crowd, now - 38 * _MINUTE)
        if crowd and len(people) == 2:
            _takeover(context, people["hana"], people["tomas"], crowd[0], now - 26 * _MINUTE)


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
    starts = when(acts.now)
    ends = starts + timedelta(minutes=30)
    acts.audit(BYPASS_ISSUED, user, reason=f"{FOR_SHOW}: new phone", starts=starts.isoformat(), ends=ends.isoformat())


def _crowd(connection: sa.Connection, tenant_pk: int) -> list[UserRecord]:
    query = sa.select(users.c.login).where(users.c.tenant_pk == tenant_pk, users.c.role == Role.USER.value)
    logins = list(connection.execute(query.order_by(users.c.pk.desc()).limit(GUESSED)).scalars())
    return list(user_store.users_by_name(connection, tenant_pk, logins).values())
