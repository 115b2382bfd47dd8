"""One row for an act on many users, which opens into its users: pages, filters and manipulations."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from secconsole.operations.audit import AuditEntry, ListAudit, VerifyAudit
from secconsole.operations.audit_retention import RetainAudit
from secconsole.operations.paging import pages
from secconsole.operations.portions import unbind_in_portions
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.service import audit_retention
from tests.organisation import TENANT, Organisation

USERS = tuple(f"u{number}" for number in range(7))


async def unbound(organisation: Organisation) -> str:
    """Unbind seven users in one act, with others' entries before, and return its event."""
    for login in USERS:
        await organisation.add(login)
        await organisation.bind(login)
    wanted = Unbind(tenant=TENANT, users=USERS, reason="leak", ticket="T-1")
    results = [result async for result in unbind_in_portions(organisation.perform, wanted)]
    return results[-1].event


async def listed(organisation: Organisation, size: int = 50, **filters: object) -> list[AuditEntry]:
    """Return all entries, read in pages of a size."""
    query = replace(ListAudit(tenant=TENANT), **filters)  # type: ignore[arg-type]
    found: list[AuditEntry] = []
    async for page in pages(lambda at, most: organisation.perform(replace(query, cursor=at, limit=size)), most=None):
        assert len(page.items) <= size
        found += page.items
    return found


def rows(entries: list[AuditEntry]) -> list[tuple[str, str, int]]:
    return [(entry.action, entry.target, entry.entries) for entry in entries]


async def test_an_act_is_one_row_that_opens_into_its_users(organisation: Organisation) -> None:
    event = await unbound(organisation)
    await organisation.add("later")
    folded = await listed(organisation, fold=True)
    assert rows(folded)[:2] == [("user.created", "later", 1), ("unbind", "u0", len(USERS))]
    assert len([entry for entry in folded if entry.action == "unbind"]) == 1
    assert folded[1].act == f"{event}:unbind"
    users = await listed(organisation, act=folded[1].act)
    assert sorted(entry.target for entry in users) == sorted(USERS)
    every = await listed(organisation)
    assert len(every) == len(folded) + len(USERS) - 1
    assert {entry.entries for entry in every} == {1}
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_undoing_is_an_act_of_its_own(organisation: Organisation) -> None:
    event = await unbound(organisation)
    await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    assert rows(await listed(organisation, fold=True))[:2] == [
        ("unbind.undone", "u0", len(USERS)),
        ("unbind", "u0", len(USERS)),
    ]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_of_any_size_have_each_act_once(organisation: Organisation, size: int) -> None:
    await unbound(organisation)
    whole = await listed(organisation, fold=True)
    assert rows(await listed(organisation, size, fold=True)) == rows(whole)
    by_ticket = await listed(organisation, size, fold=True, ticket="T-1")
    assert rows(by_ticket) == [("unbind", "u0", len(USERS))]


async def test_a_filter_finds_users_within_an_act(organisation: Organisation) -> None:
    await unbound(organisation)
    assert rows(await listed(organisation, fold=True, user="u3", action="unbind")) == [("unbind", "u3", 1)]
    found = await listed(organisation, fold=True, search="u5 unbind")
    assert rows(found) == [("unbind", "u5", 1)]


async def test_the_rest_of_an_act_stays_in_sight_after_a_removal(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unbound(organisation)
    entries = await listed(organisation)
    first = next(at for at, entry in enumerate(reversed(entries), 1) if entry.action == "unbind")
    monkeypatch.setattr(audit_retention, "PORTION", first + 1)  # its first two users
    organisation.clock.forward(days=40)
    await organisation.perform(RetainAudit(tenant=TENANT, keep_days=30))
    folded = await listed(organisation, fold=True)
    assert ("unbind", "u2", len(USERS) - 2) in rows(folded)
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET folded = {true} WHERE seq = 3",
        "UPDATE audit SET folded = {true} WHERE action = 'unbind'",
        "UPDATE audit SET folded = {true}, bulk = (SELECT min(bulk) FROM audit) WHERE seq = 3",
        "UPDATE audit SET bulk = NULL WHERE action = 'unbind' AND NOT folded",
        "UPDATE audit SET bulk = 'x' WHERE action = 'unbind' AND target = 'u4'",
    ],
)
async def test_an_entry_that_was_hidden_is_found(organisation: Organisation, statement: str) -> None:
    await unbound(organisation)
    entries = await listed(organisation)

    def hide(connection: sa.Connection) -> None:
        true = "true" if connection.dialect.name == "postgresql" else "1"
        connection.exec_driver_sql(statement.format(true=true))

    await asyncio.wrap_future(organisation.backend.store.write(hide))
    check = await organisation.perform(VerifyAudit(tenant=TENANT))
    assert not check.whole
    assert check.problem == "this entry is hidden in the list of acts"
    assert check.first_broken in [entry.id for entry in entries]
