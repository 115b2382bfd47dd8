"""Whom a notice about a user's account goes to: every e-mail address of theirs that is on record."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from secconsole.domain.errors import Invalid
from secconsole.domain.mail_address import mail_address
from secconsole.domain.model import FactorKind, FactorState
from secconsole.store.delivery import settings_to_send_with
from secconsole.store.rows import FactorRecord, UserRecord


def can_mail(connection: sa.Connection, tenant_pk: int) -> bool:
    """Whether a tenant has a mail server in effect; without one no notice goes anywhere."""
    return settings_to_send_with(connection, tenant_pk, FactorKind.EMAIL, "") is not None


def bound_addresses(of: Iterable[FactorRecord]) -> tuple[str, ...]:
    """The e-mail addresses among factors that are bound."""
    return tuple(f.address for f in of if f.kind is FactorKind.EMAIL and f.state is FactorState.ACTIVE)


def addresses_of(user: UserRecord, live: Iterable[FactorRecord], former: Iterable[str] = ()) -> tuple[str, ...]:
    """The contact address and the verified ones among the factors, each once; none that mail cannot be sent to.

    `former`: addresses that were on record until just now.
    """
    found: dict[str, str] = {}
    for text in (user.email, *bound_addresses(live), *former):
        try:
            address = mail_address(text)
        except Invalid:  # an import takes what the directory has
            continue
        found.setdefault(address.lower(), address)  # folded, two may be taken for one: ß and ss
    return tuple(found.values())
