"""Recipients of notices about a user's account: every e-mail address on record."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from secconsole.domain.errors import Invalid
from secconsole.domain.messages.mail_address import address_key, mail_address
from secconsole.domain.model import FactorKind, FactorState
from secconsole.store.delivery import settings_to_send_with
from secconsole.store.rows import FactorRecord, UserRecord


def can_mail(connection: sa.Connection, tenant_pk: int) -> bool:
    """Return True if a tenant has a mail server in effect, without which notices are not sent."""
    return settings_to_send_with(connection, tenant_pk, FactorKind.EMAIL, "") is not None


def bound_addresses(of: Iterable[FactorRecord]) -> tuple[str, ...]:
    """Return the e-mail addresses of bound factors."""
    return tuple(f.address for f in of if f.kind is FactorKind.EMAIL and f.state is FactorState.ACTIVE)


def addresses_of(user: UserRecord, live: Iterable[FactorRecord], former: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the distinct contact and verified addresses that mail can be sent to.

    `former`: addresses that were on record until now.
    """
    found: dict[str, str] = {}
    for text in (user.email, *bound_addresses(live), *former):
        try:
            address = mail_address(text)
        except Invalid:  # an import accepts what the directory contains
            continue
        found.setdefault(address_key(address), address)
    return tuple(found.values())
