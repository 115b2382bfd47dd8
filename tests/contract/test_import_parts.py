"""A long import runs in several transactions with other writes between them, or all-or-nothing in one.

All imported lines are in the audit (A42), and a repeated request (`Idempotency-Key`) does nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import IdempotencyKey, Source
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CountUsers
from secconsole.service.handlers.users import import_lines
from tests.organisation import PASSWORD, TENANT, Organisation

LINES = tuple(NewUser(n, f"u{n:02}", password=PASSWORD if n % 3 == 0 else None) for n in range(2, 14))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five new users in each transaction, or one that is changed and none beside it."""
    monkeypatch.setattr(import_lines, "_WEIGHT_OF_A_PART", 5)
    monkeypatch.setattr(import_lines, "_WEIGHT_OF_A_CHANGE", 5)


async def entries(organisation: Organisation) -> list[tuple[str, int, int, int]]:
    """The imports in the audit, oldest first."""
    page = await organisation.perform(ListAudit(tenant=TENANT, action="user.imported"))
    counts = ("created", "updated", "rejected")
    return [(e.action, *(int(str(e.details[c])) for c in counts)) for e in reversed(page.items)]  # type: ignore[misc]


async def keyed(organisation: Organisation, operation: Operation[Any], key: IdempotencyKey) -> Any:
    source = Source("api", key=key)
    return await organisation.backend.perform_as(operation, organisation.backend.credential, source)


def failing_from(organisation: Organisation, number: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the store refuse this write and all later ones, and return a function that ends it."""
    real, asked = organisation.backend.store.write, 0

    def write(*given: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked >= number:
            raise Unavailable("The disk is full. Nothing was changed. Free some space and try again.")
        return real(*given, **named)

    monkeypatch.setattr(organisation.backend.store, "write", write)
    return lambda: monkeypatch.setattr(organisation.backend.store, "write", real)


async def test_parts_add_up_and_each_is_in_the_audit(organisation: Organisation) -> None:
    lines = (*LINES, NewUser(14, "no good"), NewUser(15, "root", role="user"))
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    assert (done.created, done.updated, [r.line for r in done.rejected]) == (12, 0, [14, 15])
    found = await entries(organisation)
    assert [created for _, created, _, _ in found] == [5, 5, 2]
    assert sum(rejected for *_, rejected in found) == 2
    again = await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    assert (again.created, again.updated, again.unchanged, len(again.rejected)) == (0, 0, 12, 2)
    renamed = tuple(NewUser(line.line, line.login, name="New Name") for line in LINES[:3])
    changed = await organisation.perform(ImportUsers(tenant=TENANT, users=renamed))
    assert changed.updated == 3
    assert (await entries(organisation))[3:] == [("user.imported", 0, 1, 0)] * 3
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_passwords_stay_with_their_lines_in_every_part(organisation: Organisation) -> None:
    await organisation.perform(ImportUsers(tenant=TENANT, users=LINES))
    for login in ("u03", "u06", "u09", "u12"):
        assert (await organisation.start(login)).token is not None


async def test_all_or_nothing_is_one_transaction(organisation: Organisation) -> None:
    await organisation.perform(ImportUsers(tenant=TENANT, users=LINES, all_or_nothing=True))
    assert await entries(organisation) == [("user.imported", 12, 0, 0)]


async def test_another_write_runs_between_two_parts(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, order = organisation.backend.store.write, list[str]()

    def write(body: Callable[[Any], Any], *given: Any, **named: Any) -> Any:
        def noted(connection: Any) -> Any:
            order.append("part")
            return body(connection)

        future = real(noted, *given, **named)
        if len(waiting) < 1:
            waiting.append(real(lambda _: order.append("other"), *given))
        return future

    waiting: list[Any] = []
    monkeypatch.setattr(organisation.backend.store, "write", write)
    await organisation.perform(ImportUsers(tenant=TENANT, users=LINES))
    assert order[:3] == ["part", "other", "part"]


async def test_a_failed_later_part_is_reported_for_its_lines(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = failing_from(organisation, 2, monkeypatch)
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=LINES))
    mended()
    assert (done.created, len(done.rejected)) == (5, 7)
    assert {r.reason for r in done.rejected} == {
        "The disk is full. Nothing was changed. Free some space and try again."
    }
    assert (await organisation.perform(CountUsers(tenant=TENANT))).total == 6
    rest = await organisation.perform(ImportUsers(tenant=TENANT, users=LINES))
    assert (rest.created, rest.unchanged) == (7, 5)


async def test_a_failed_first_part_fails_the_request(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = failing_from(organisation, 1, monkeypatch)
    with pytest.raises(Unavailable):
        await organisation.perform(ImportUsers(tenant=TENANT, users=LINES))
    mended()
    assert (await organisation.perform(CountUsers(tenant=TENANT))).total == 1


async def test_a_retry_replays_the_reply_of_all_parts(organisation: Organisation) -> None:
    key, operation = IdempotencyKey("k-1"), ImportUsers(tenant=TENANT, users=LINES)
    first = await keyed(organisation, operation, key)
    assert (first.created, key.replayed) == (12, False)
    assert await keyed(organisation, operation, key) == first
    assert key.replayed
    assert len(await entries(organisation)) == 3


async def test_a_failed_request_can_be_retried_with_its_key(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, operation = IdempotencyKey("k-1"), ImportUsers(tenant=TENANT, users=LINES)
    mended = failing_from(organisation, 1, monkeypatch)
    with pytest.raises(Unavailable):
        await keyed(organisation, operation, key)
    mended()
    assert (await keyed(organisation, operation, key)).created == 12
