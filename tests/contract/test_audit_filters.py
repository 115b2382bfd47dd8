"""Filters of the audit, each alone and together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secconsole.domain.errors import Invalid, NotFound
from secconsole.domain.roles import Role
from secconsole.operations.audit import ListAudit
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import DisableUser, RenameUser
from tests.organisation import TENANT, Organisation


async def found(organisation: Organisation, **filters: object) -> list[tuple[str, str]]:
    page = await organisation.perform(ListAudit(tenant=TENANT, **filters))  # type: ignore[arg-type]
    return [(entry.action, entry.target) for entry in page.items]


@pytest.fixture
async def filled(organisation: Organisation) -> Organisation:
    """An unbinding of ana by hana with a ticket, then, a day later, ben disabled by the owner."""
    for login in ("ana", "ben"):
        await organisation.add(login)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.bind("ana")
    await organisation.bind("hana")
    hana = await organisation.prove(await organisation.sign_in("hana"), organisation.code("hana"))
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost", ticket="T-17"), hana)
    organisation.clock.forward(days=1)
    await organisation.perform(DisableUser(tenant=TENANT, user="ben", reason="left"))
    return organisation


async def test_each_filter_selects_its_entries(filled: Organisation) -> None:
    unbound, disabled = ("unbind", "ana"), ("user.disabled", "ben")
    day_later = datetime.fromtimestamp(filled.clock.now - 3600, UTC)
    assert await found(filled, ticket="T-17") == [unbound]
    assert await found(filled, ticket="T-1") == []
    assert unbound in await found(filled, actor="HANA")
    assert disabled not in await found(filled, actor="hana")
    assert disabled in await found(filled, actor="local:jane")
    assert {target for _, target in await found(filled, user="ben")} == {"ben"}
    assert await found(filled, group="unbinding") == [unbound]
    assert await found(filled, group="unbinding", actions=("user.disabled",)) == []
    assert await found(filled, group="users", actions=("user.disabled", "unbind")) == [disabled]
    assert await found(filled, since=day_later) == [disabled]
    assert disabled not in await found(filled, until=day_later)
    assert unbound in await found(filled, until=day_later, actor="hana", outcome="done")
    assert await found(filled, outcome="refused", ticket="T-17") == []
    assert await found(filled, address="203.0.113.99") == []


async def test_entries_of_an_actor_are_found_by_the_login_of_today(filled: Organisation) -> None:
    await filled.perform(RenameUser(tenant=TENANT, user="hana", login="johana"))
    assert ("unbind", "ana") in await found(filled, actor="johana")
    assert ("unbind", "ana") in await found(filled, actor="hana")


@pytest.mark.alike
async def test_an_unknown_group_or_user_is_refused(organisation: Organisation) -> None:
    with pytest.raises(Invalid, match="sign-ins"):
        await found(organisation, group="nothing")
    with pytest.raises(NotFound):
        await found(organisation, user="nobody")
    assert await found(organisation, actor="nobody") == []
