"""Writes that wait for a writer on PostgreSQL: tenants take turns, and repeated writes go first."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.postgres.writer import Job, Waiting


def job(tenant: str) -> Job[Any]:
    return Job(lambda connection: None, Future(), TenantLock(tenant=tenant))


def test_many_jobs_of_one_tenant_delay_another_by_one() -> None:
    waiting = Waiting()
    flood = [job("acme") for _ in range(100)]
    for one in flood:
        waiting.add(one)
    honest = job("globex")
    waiting.add(honest)
    assert waiting.take() is flood[0]
    assert waiting.take() is honest
    assert waiting.take() is flood[1]


@given(st.lists(st.sampled_from("abc")), st.integers(0, 5))
def test_each_job_runs_once_in_the_order_of_its_tenant(tenants: list[str], again: int) -> None:
    waiting = Waiting()
    jobs = [job(tenant) for tenant in tenants]
    for one in jobs:
        waiting.add(one)
    first = [taken for _ in range(again) if (taken := waiting.take()) is not None]
    waiting.put_back(first)
    taken = [one for _ in jobs if (one := waiting.take()) is not None]
    assert not waiting
    assert waiting.take() is None
    assert all(one is other for one, other in zip(taken, first, strict=False)), "what was put back goes first"
    for tenant in "abc":
        mine = [id(one) for one in jobs if one.lock.tenant == tenant]
        assert [id(one) for one in taken if one.lock.tenant == tenant] == mine
