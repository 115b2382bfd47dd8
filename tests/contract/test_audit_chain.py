"""The chain of the audit: each manipulation of the store is found and named with its position."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid
from secconsole.operations.audit import AuditCheck, AuditHead, CheckAuditHeads, ShowAuditHead, VerifyAudit
from tests.organisation import TENANT, Organisation

USERS = 6
SHIFT_UP = ("UPDATE audit SET seq = -(seq + 1) WHERE seq >= {0}", "UPDATE audit SET seq = -seq WHERE seq < 0")
SHIFT_DOWN = ("UPDATE audit SET seq = -(seq - 1) WHERE seq > {0}", "UPDATE audit SET seq = -seq WHERE seq < 0")
COPY = (
    "INSERT INTO audit (id, tenant_pk, seq, at, actor, actor_id, action, target, target_id, outcome, reason, ticket,"
    " channel, address, request_id, details, mac) SELECT 'copy', tenant_pk, {0}, at, actor, actor_id, action, target,"
    " target_id, outcome, reason, ticket, channel, address, request_id, details, mac FROM audit WHERE seq = {1}"
)


async def fill(organisation: Organisation, users: int = USERS) -> int:
    """Add users, and return the number of the newest entry."""
    for number in range(users):
        await organisation.add(f"u{number}")
    return (await organisation.perform(VerifyAudit(tenant=TENANT))).entries


async def head_of(organisation: Organisation) -> AuditHead:
    (head,) = (await organisation.perform(ShowAuditHead(tenant=TENANT))).items
    return head


async def attack(organisation: Organisation, *statements: str) -> None:
    def change(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await _write(organisation, change)


async def _write(organisation: Organisation, change: Callable[[sa.Connection], object]) -> None:
    await asyncio.wrap_future(organisation.backend.store.write(change))


async def verify(organisation: Organisation) -> AuditCheck:
    return await organisation.perform(VerifyAudit(tenant=TENANT))


async def compare(organisation: Organisation, *heads: AuditHead) -> Sequence[tuple[int | None, str]]:
    check = await organisation.perform(CheckAuditHeads(tenant=TENANT, heads=heads))
    assert check.agree == len(heads) - len(check.problems)
    return [(problem.position, problem.problem) for problem in check.problems]


async def test_an_untouched_chain_agrees_with_every_head_of_it(organisation: Organisation) -> None:
    first = await head_of(organisation)
    newest = await fill(organisation)
    last = await head_of(organisation)
    assert (last.seq, last.tenant, last.chain) == (newest, TENANT, "main")
    assert last.key_id == first.key_id
    check = await verify(organisation)
    assert (check.whole, check.entries, check.newest) == (True, newest, newest)
    assert await compare(organisation, first, last) == []


@pytest.mark.parametrize(
    ("name", "statements", "position", "problem"),
    [
        ("change", ["UPDATE audit SET actor = 'eve' WHERE seq = 4"], 4, "this entry was changed"),
        ("change the last", ["UPDATE audit SET reason = 'x' WHERE seq = {last}"], "last", "this entry was changed"),
        ("delete", ["DELETE FROM audit WHERE seq = 4"], 4, "entry 4 is missing"),
        ("delete two", ["DELETE FROM audit WHERE seq IN (4, 5)"], 4, "entries 4 to 5 are missing"),
        ("delete the first", ["DELETE FROM audit WHERE seq = 1"], 1, "entry 1 is missing"),
        (
            "delete and close the gap",
            ["DELETE FROM audit WHERE seq = 4", *(s.format(4) for s in SHIFT_DOWN)],
            4,
            "this entry was inserted, moved or replaced",
        ),
        (
            "insert",
            [*(s.format(4) for s in SHIFT_UP), COPY.format(4, 3)],
            4,
            "this entry was inserted, moved or replaced",
        ),
        (
            "swap",
            [
                "UPDATE audit SET seq = -1 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 5",
                "UPDATE audit SET seq = 5 WHERE seq = -1",
            ],
            4,
            "this entry was inserted, moved or replaced",
        ),
        ("cut the end", ["DELETE FROM audit WHERE seq > 5"], 6, "the newest entries are missing"),
        ("add at the end", [COPY.format("{last} + 1", "{last}")], "after", "this entry was inserted"),
        ("change the head", ["UPDATE audit_heads SET seq = seq - 1"], "after", "the signed head was changed"),
        ("remove the head", ["DELETE FROM audit_heads"], "after", "the signed head is missing"),
        ("remove the chain", ["DELETE FROM audit", "DELETE FROM audit_heads"], 1, "the chain is missing"),
        ("remove all entries", ["DELETE FROM audit"], 1, "the newest entries are missing"),
    ],
)
async def test_a41_each_manipulation_is_found_where_it_was_done(
    organisation: Organisation, name: str, statements: list[str], position: int | str, problem: str
) -> None:
    last = await fill(organisation)
    await attack(organisation, *(statement.format(last=last) for statement in statements))
    check = await verify(organisation)
    wanted = {"last": last, "after": last + 1}.get(str(position), position)
    assert not check.whole
    assert (check.position, check.problem[: len(problem)]) == (wanted, problem)
    assert check.entries < wanted  # type: ignore[operator]


async def test_a41_a_cut_end_with_the_old_head_put_back_contradicts_a_kept_head(organisation: Organisation) -> None:
    await fill(organisation, 2)
    old, early = await _stored_head(organisation), await head_of(organisation)
    await fill_more(organisation)
    kept = await head_of(organisation)
    await attack(organisation, f"DELETE FROM audit WHERE seq > {early.seq}")
    await _put_head_back(organisation, old)
    assert (await verify(organisation)).whole  # the store alone cannot know
    cut = f"the chain ends at entry {early.seq}, and the head names entry {kept.seq}"
    assert await compare(organisation, early, kept) == [(early.seq + 1, f"the newest entries are missing: {cut}")]


async def test_a41_other_entries_after_an_old_head_contradict_a_kept_head(organisation: Organisation) -> None:
    """After the old state is restored the work goes on, until there are as many entries as before and more."""
    await fill(organisation, 2)
    old, early = await _stored_head(organisation), await head_of(organisation)
    await fill_more(organisation)
    kept = await head_of(organisation)
    await attack(organisation, f"DELETE FROM audit WHERE seq > {early.seq}", "DELETE FROM users WHERE login LIKE 'm%'")
    await _put_head_back(organisation, old)
    await organisation.reopen()
    await fill_more(organisation, "n")
    assert (await verify(organisation)).whole
    ((position, problem),) = await compare(organisation, early, kept)
    assert (position, problem[:11]) == (kept.seq, "this entry,")


async def fill_more(organisation: Organisation, prefix: str = "m") -> None:
    for number in range(3):
        await organisation.add(f"{prefix}{number}")


async def _stored_head(organisation: Organisation) -> tuple[int, bytes, bytes]:
    query = sa.text("SELECT seq, mac, signature FROM audit_heads")
    return tuple(organisation.backend.store.read(lambda c: c.execute(query).one()).result())


async def _put_head_back(organisation: Organisation, old: tuple[int, bytes, bytes]) -> None:
    seq, mac, signature = old
    put = sa.text("UPDATE audit_heads SET seq = :seq, mac = :mac, signature = :signature")
    await _write(
        organisation, lambda connection: connection.execute(put, {"seq": seq, "mac": mac, "signature": signature})
    )


async def test_a_head_older_than_the_entries_is_named_as_such(organisation: Organisation) -> None:
    await fill(organisation, 2)
    old = await _stored_head(organisation)
    await fill_more(organisation)
    await _put_head_back(organisation, old)
    check = await verify(organisation)
    assert (check.position, check.problem) == (
        old[0] + 1,
        f"the signed head is an older one: it refers to entry {old[0]}",
    )


async def test_a_missing_chain_contradicts_a_kept_head(organisation: Organisation) -> None:
    await fill(organisation, 1)
    kept = await head_of(organisation)
    await attack(organisation, "DELETE FROM audit", "DELETE FROM audit_heads")
    assert await compare(organisation, kept) == [(1, "the chain main is missing")]
    with pytest.raises(Conflict, match="The signed head of acme is missing"):
        await head_of(organisation)


async def test_a_changed_head_is_not_signed_for_keeping(organisation: Organisation) -> None:
    await attack(organisation, "UPDATE audit_heads SET seq = seq + 1")
    with pytest.raises(Conflict, match="The signed head of acme was changed"):
        await head_of(organisation)


@pytest.mark.alike
async def test_a_forged_head_is_refused_and_a_head_of_another_tenant_left_out(organisation: Organisation) -> None:
    await fill(organisation, 1)
    kept = await head_of(organisation)
    wrong = "the head was changed: its signature is wrong"
    for forged in (
        replace(kept, seq=kept.seq - 1),
        replace(kept, mac="0" * 64),
        replace(kept, mac="é"),
        replace(kept, signature="0" * 64),
        replace(kept, signature="é"),
        replace(kept, at=kept.at + timedelta(seconds=1)),
        replace(kept, chain="other"),
    ):
        assert await compare(organisation, forged) == [(None, wrong)], forged
    other = replace(kept, tenant_id="another", tenant=kept.tenant.upper())
    assert await compare(organisation, replace(other, key_id="77")) == [
        (None, "the head was signed by another store, with the key 77")
    ]
    check = await organisation.perform(
        CheckAuditHeads(tenant=TENANT, heads=(replace(kept, tenant="beta", tenant_id="b"), kept))
    )
    assert (check.agree, check.others, check.problems) == (1, 1, ())
    with pytest.raises(Invalid):
        await compare(organisation, replace(kept, seq=2**70))


async def test_a_chain_is_verified_in_parts_with_the_same_result(organisation: Organisation) -> None:
    newest = await fill(organisation)
    seen, cursor = [], None
    for _ in range(newest + 1):
        part = await organisation.perform(VerifyAudit(tenant=TENANT, limit=3, cursor=cursor))
        assert part.whole
        seen.append(part.entries)
        if part.next is None:
            break
        cursor = part.next
    assert seen == [*range(3, newest, 3), newest] if newest % 3 else [*range(3, newest + 1, 3), newest]
    await attack(organisation, "UPDATE audit SET actor = 'eve' WHERE seq = 4")
    first = await organisation.perform(VerifyAudit(tenant=TENANT, limit=3))
    check = await organisation.perform(VerifyAudit(tenant=TENANT, limit=3, cursor=first.next))
    assert (check.whole, check.position, check.entries) == (False, 4, 3)


async def test_an_entry_changed_between_two_parts_is_found(organisation: Organisation) -> None:
    """The cursor holds the MAC, so that a part does not begin with whatever is in the store by then."""
    await fill(organisation)
    first = await organisation.perform(VerifyAudit(tenant=TENANT, limit=3))
    await attack(
        organisation,
        COPY.format(-1, 3),
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET seq = 3, mac = (SELECT mac FROM audit_heads) WHERE seq = -1",
    )
    assert not (await verify(organisation)).whole
    check = await organisation.perform(VerifyAudit(tenant=TENANT, limit=3, cursor=first.next))
    assert check.whole  # entry 3 was right when it was read, and what follows fits what was read


@pytest.mark.alike
async def test_a_cursor_from_elsewhere_is_refused(organisation: Organisation) -> None:
    for cursor in ("", "1", "1.zz", f"1.{'0' * 63}", f"-1.{'0' * 64}"):
        with pytest.raises(Invalid):
            await organisation.perform(VerifyAudit(tenant=TENANT, cursor=cursor))
    with pytest.raises(Invalid):
        await organisation.perform(VerifyAudit(tenant=TENANT, limit=0))
