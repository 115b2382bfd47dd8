"""Figures of each day: recorded as it begins, and rebuilt for days on which nothing was running."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from secconsole.domain.history import DAY, day_of
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.tenants import AdoptionHistory, KindCount, ShowAdoption, ShowAdoptionHistory
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import DisableUser, EnableUser
from secconsole.service import upkeep as service
from secconsole.store.schema import adoption_days, audit, upkeep
from tests.organisation import START, TENANT, Organisation, open_store

Shown = list[tuple[int, int, int, int | None]]


async def history(organisation: Organisation, days: int = 400) -> AdoptionHistory:
    """Return the history since the test began: the store is older, as it was made by this machine's clock."""
    found = await organisation.perform(ShowAdoptionHistory(tenant=TENANT, days=days))
    return replace(found, days=tuple(day for day in found.days if day.at.timestamp() > START))


def shown(organisation: Organisation, found: AdoptionHistory) -> Shown:
    """Return days before today, users, bound and pending."""
    today = int(organisation.clock.now * 1000 // DAY)
    assert all(day.at.timestamp() * 1000 % DAY == 0 for day in found.days)
    return [(today - day_of(int(day.at.timestamp() * 1000)), day.users, day.bound, day.pending) for day in found.days]


async def forget(organisation: Organisation) -> None:
    """Make the store one of an earlier version, which kept no figures."""

    def body(connection: sa.Connection) -> None:
        connection.execute(sa.delete(adoption_days))
        connection.execute(sa.update(upkeep).values(day=0, due=0, user_pk=None))

    await asyncio.wrap_future(organisation.backend.store.write(body))


async def look_for(organisation: Organisation, seconds: int) -> None:
    """Read something every second, as consoles do, which lets a sweep do what is due."""
    for _ in range(seconds):
        organisation.clock.forward(seconds=1.5)
        await organisation.perform(ShowPolicy(tenant=TENANT))


async def test_figures_are_recorded_once_a_day(organisation: Organisation) -> None:
    await organisation.add("ana")
    assert (await history(organisation)).days == (), "the first day has not begun with this tenant"
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=False))
    organisation.clock.forward(days=1)
    assert shown(organisation, await history(organisation)) == [(0, 2, 0, 0)]
    await organisation.bind("ana")
    await look_for(organisation, 3)
    assert shown(organisation, await history(organisation)) == [(0, 2, 0, 0)], "the figures of its beginning"
    organisation.clock.forward(days=1)
    found = await history(organisation)
    assert shown(organisation, found) == [(1, 2, 0, 0), (0, 2, 1, 0)]
    assert (found.complete, found.days[-1].overdue, found.days[0].overdue) == (True, 1, 2)
    assert shown(organisation, await history(organisation, days=1)) == [(0, 2, 1, 0)]


async def test_days_without_a_program_are_rebuilt_from_what_is_on_record(organisation: Organisation) -> None:
    for login in ("ana", "ben", "cyd"):
        await organisation.add(login)
    await organisation.bind("ana")
    organisation.clock.forward(days=1)
    await history(organisation)
    await organisation.bind("ben")
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    await organisation.perform(DisableUser(tenant=TENANT, user="cyd"))
    organisation.clock.forward(days=4)
    await look_for(organisation, 3)
    found = await history(organisation)
    rebuilt = [(days, 3, 1, None) for days in (3, 2, 1)]
    assert shown(organisation, found) == [(4, 4, 1, 0), *rebuilt, (0, 3, 1, 0)]
    assert found.complete


async def test_the_past_of_an_older_store_is_rebuilt_in_portions(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PORTION", 2)
    for login in ("ana", "ben", "cyd", "dan", "eve"):
        await organisation.add(login)
        await organisation.bind(login)
        organisation.clock.forward(days=1)
    await organisation.perform(DisableUser(tenant=TENANT, user="cyd"))
    organisation.clock.forward(days=2)
    await organisation.perform(EnableUser(tenant=TENANT, user="cyd"))
    undone = await organisation.perform(Unbind(tenant=TENANT, users=("dan",), reason="mistake"))
    await organisation.perform(UndoUnbind(tenant=TENANT, event=undone.event))
    organisation.clock.forward(days=1)
    await forget(organisation)
    await look_for(organisation, 2)
    found = await history(organisation)
    assert (found.complete, len(found.days)) == (False, 1), "days that count only some users are not shown"
    await look_for(organisation, 3)
    expected: Shown = [(8 - n, n + 1, n, None) for n in range(1, 5)]
    expected = [*expected[:-1], (3, 6, 5, None), (2, 5, 4, None), (1, 5, 4, None), (0, 6, 5, 0)]
    found = await history(organisation)
    assert found.complete
    assert [row for row in shown(organisation, found) if row[0] < 8][-4:] == expected[-4:], shown(organisation, found)


@pytest.mark.alike
async def test_a_rebuild_goes_on_after_a_restart_and_reads_no_log(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PORTION", 1)
    for login in ("ana", "ben", "cyd"):
        await organisation.add(login)
        await organisation.bind(login)
    organisation.clock.forward(days=2)
    await forget(organisation)
    statements: list[str] = []
    sa.event.listen(sa.Engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    await look_for(organisation, 2)
    await organisation.reopen()
    await look_for(organisation, 4)
    found = await history(organisation)
    assert (found.complete, shown(organisation, found)) == (True, [(1, 4, 3, None), (0, 4, 3, 0)])

    def plan(connection: sa.Connection) -> list[str]:
        reads = [one for one in statements if "audit" in one and one.startswith("SELECT") and "users.pk" in one]
        assert reads
        return [
            str(row[3])
            for one in reads
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", (0,) * one.count("?"))
        ]

    plans = await asyncio.wrap_future(organisation.backend.store.read(plan))
    assert all(step.startswith(("SEARCH", "USE TEMP")) for step in plans), plans
    assert audit.name in str(plans)


async def test_a_clock_that_was_ahead_leaves_no_future(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=30)
    await history(organisation)
    organisation.clock.forward(days=-28)
    await look_for(organisation, 2)
    found = await history(organisation)
    now = datetime.fromtimestamp(organisation.clock.now, UTC)
    assert found.days[-1].at.date() == now.date()
    organisation.clock.forward(days=1)
    assert shown(organisation, await history(organisation))[-1] == (0, 2, 0, 0)


async def test_users_are_counted_by_the_kinds_of_their_factors(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    found = await organisation.perform(ShowAdoption(tenant=TENANT))
    assert found.kinds == (KindCount(FactorKind.TOTP, 1, 1),)
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).kinds == ()


async def test_two_processes_record_and_rebuild_each_day_once(organisation: Organisation) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
        await organisation.bind(login)
    organisation.clock.forward(days=3)
    await forget(organisation)
    other = await open_store(organisation.clock, organisation.place)
    try:
        for _ in range(3):
            organisation.clock.forward(seconds=2)
            backends = (organisation.backend, other) * 3
            await asyncio.gather(*(backend.perform(ShowPolicy(tenant=TENANT)) for backend in backends))
    finally:
        await other.close()
    found = await history(organisation)
    assert (found.complete, shown(organisation, found)) == (
        True,
        [(2, 3, 2, None), (1, 3, 2, None), (0, 3, 2, 0)],
    )
