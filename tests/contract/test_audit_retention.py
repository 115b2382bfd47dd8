"""Retention of the audit: what is removed stays proved by its checkpoint, and every manipulation is found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.errors import Conflict, Invalid, NotAllowed
from secconsole.domain.roles import Role
from secconsole.operations.audit import (
    AuditCheck,
    AuditHead,
    CheckAuditHeads,
    ListAudit,
    ShowAuditHead,
    VerifyAudit,
)
from secconsole.operations.audit_retention import RetainAudit, Retained, SetRetention, ShowRetention
from secconsole.operations.audit_streams import AddAuditStream, RemoveAuditStream
from secconsole.operations.portions import verify_in_parts
from secconsole.operations.tenants import CreateTenant
from secconsole.service import audit_retention
from secconsole.store.audit_log.seen_heads import note_heads, older_chains
from tests.organisation import TENANT, Organisation

OLD = 6  # entries of the first day, with the tenant's and its administrator's


async def fill(organisation: Organisation) -> AuditHead:
    """Write old entries and, 40 days later, new ones, and return the head of the old ones."""
    for number in range(OLD - 1):
        await organisation.add(f"u{number}")
    before = await head_of(organisation)
    organisation.clock.forward(days=40)
    for number in range(3):
        await organisation.add(f"n{number}")
    return before


async def head_of(organisation: Organisation) -> AuditHead:
    (head,) = (await organisation.perform(ShowAuditHead(tenant=TENANT))).items
    return head


async def retain(organisation: Organisation, days: int = 30) -> Retained:
    return await organisation.perform(RetainAudit(tenant=TENANT, keep_days=days))


async def verify(organisation: Organisation) -> AuditCheck:
    return await organisation.perform(VerifyAudit(tenant=TENANT))


async def attack(organisation: Organisation, *statements: str) -> None:
    def change(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await asyncio.wrap_future(organisation.backend.store.write(change))


async def test_old_entries_go_and_the_rest_stays_proved(organisation: Organisation) -> None:
    old = await fill(organisation)
    checked = await organisation.perform(RetainAudit(tenant=TENANT, keep_days=30, check_only=True))
    assert (checked.removed, checked.last, checked.held) == (old.seq, old.seq, 0)
    done = await retain(organisation)
    assert (done.removed, done.last, done.more) == (old.seq, old.seq, False)
    check = await verify(organisation)
    assert (check.whole, check.removed, check.entries, check.newest) == (True, old.seq, 4, old.seq + 4)
    entries = (await organisation.perform(ListAudit(tenant=TENANT))).items
    assert [entry.action for entry in entries] == ["audit.retained", *["user.created"] * 3]
    assert entries[0].details == {
        "removed": old.seq,
        "last_entry": old.seq,
        "last_mac": old.mac,
        "keep_days": 30,
    }
    again = await retain(organisation)
    assert again.removed == 0
    shown = await organisation.perform(ShowRetention(tenant=TENANT))
    assert (shown.removed, shown.keep_days, shown.newest) == (old.seq, 0, old.seq + 4)
    assert shown.oldest == entries[-1].at


async def test_it_goes_in_portions_that_verify_in_parts_too(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_retention, "PORTION", 2)
    old = await fill(organisation)
    first = await retain(organisation)
    assert (first.removed, first.last, first.more) == (2, 2, True)
    part = await organisation.perform(VerifyAudit(tenant=TENANT, limit=2))
    assert (part.whole, part.entries, part.removed) == (True, 2, 2)
    while (await retain(organisation)).more:
        pass
    # the cursor of a verification that began before leads to the checkpoint of now
    rest = await organisation.perform(VerifyAudit(tenant=TENANT, cursor=part.next))
    assert (rest.whole, rest.removed) == (True, old.seq)
    checks = [check async for check in verify_in_parts(organisation.perform, TENANT)]
    assert checks[-1].whole


@pytest.mark.alike
async def test_heads_say_what_they_can_prove(organisation: Organisation) -> None:
    first = await head_of(organisation)
    old = await fill(organisation)
    await retain(organisation)
    new = await head_of(organisation)
    check = await organisation.perform(CheckAuditHeads(tenant=TENANT, heads=(first, old, new)))
    assert (check.agree, check.older, check.problems) == (2, 1, ())  # the checkpoint itself still agrees


@pytest.mark.parametrize(
    ("statements", "position", "problem"),
    [
        (["DELETE FROM audit_checkpoints"], 1, "entries 1 to {old} are missing"),
        (["UPDATE audit_checkpoints SET seq = seq + 1"], 1, "the checkpoint of removed entries was changed"),
        (["UPDATE audit_checkpoints SET at = at + 1"], 1, "the checkpoint of removed entries was changed"),
        (["UPDATE audit_checkpoints SET mac = signature"], 1, "the checkpoint of removed entries was changed"),
        (["UPDATE audit_checkpoints SET signature = mac"], 1, "the checkpoint of removed entries was changed"),
        (
            ["DELETE FROM audit WHERE seq = {old} + 1", "UPDATE audit_checkpoints SET seq = seq + 1"],
            1,
            "the checkpoint of removed entries was changed",
        ),
        (["DELETE FROM audit WHERE seq = {old} + 1"], "next", "entry {next} is missing"),
        (["UPDATE audit SET actor = 'eve' WHERE seq = {old} + 1"], "next", "this entry was changed"),
        (
            [
                "INSERT INTO audit (id, tenant_pk, seq, at, details, mac) SELECT 'x', tenant_pk, 2, at, details, mac"
                " FROM audit WHERE seq = {old} + 1"
            ],
            2,
            "this entry was inserted in place of one that was removed",
        ),
    ],
)
async def test_each_manipulation_of_the_checkpoint_is_found(
    organisation: Organisation, statements: list[str], position: int | str, problem: str
) -> None:
    old = (await fill(organisation)).seq
    await retain(organisation)
    await attack(organisation, *(statement.format(old=old) for statement in statements))
    check = await verify(organisation)
    assert not check.whole
    assert check.position == (old + 1 if position == "next" else position)
    assert check.problem == problem.format(old=old, next=old + 1)
    organisation.clock.forward(days=40)
    with pytest.raises(Conflict, match="nothing was removed"):
        await retain(organisation)


@pytest.mark.alike
async def test_a_checkpoint_of_another_tenant_or_an_earlier_one_is_refused(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="other", admin="otto"))
    await fill(organisation)
    await retain(organisation)
    await organisation.perform(RetainAudit(tenant="other", keep_days=30))
    await attack(organisation, "CREATE TABLE kept AS SELECT * FROM audit_checkpoints")
    organisation.clock.forward(days=40)
    await retain(organisation)
    columns = ("seq", "mac", "at", "signature")
    values = (f"{name} = (SELECT {name} FROM kept WHERE kept.tenant_pk = 1)" for name in columns)
    back = f"UPDATE audit_checkpoints SET {', '.join(values)} WHERE tenant_pk = 1"
    await attack(organisation, back)
    check = await verify(organisation)
    assert (check.whole, check.problem[:7]) == (False, "entries")
    await attack(organisation, back.replace("kept.tenant_pk = 1", "kept.tenant_pk = 2"), "DROP TABLE kept")
    assert (await verify(organisation)).problem == "the checkpoint of removed entries was changed"


async def test_changed_entries_are_not_removed(organisation: Organisation) -> None:
    await fill(organisation)
    await attack(organisation, "UPDATE audit SET reason = 'x' WHERE seq = 3")
    with pytest.raises(Conflict, match="Entry 3 of the audit is missing or was changed"):
        await retain(organisation)
    assert (await verify(organisation)).position == 3


async def test_entries_that_a_stream_has_not_sent_are_kept(organisation: Organisation, tmp_path: Path) -> None:
    old = await fill(organisation)
    await organisation.perform(
        AddAuditStream(
            tenant=TENANT, name="siem", kind=StreamKind.SYSLOG_UNIX, to=str(tmp_path / "none"), from_start=True
        )
    )
    await organisation.perform(SetRetention(tenant=TENANT, keep_days=30))
    checked = await organisation.perform(RetainAudit(tenant=TENANT, keep_days=30, check_only=True))
    assert (checked.removed, checked.held, checked.held_by) == (0, old.seq, "the stream siem")
    done = await retain(organisation)
    assert (done.removed, done.held, done.held_by) == (0, old.seq, "the stream siem")
    assert (await organisation.perform(ShowRetention(tenant=TENANT))).held_by == "the stream siem"
    await organisation.backend.stream_worker.wait_idle()
    await organisation.perform(RemoveAuditStream(tenant=TENANT, stream="siem"))
    done = await retain(organisation)
    assert (done.removed, done.held) == (old.seq, 0)


async def test_the_rule_is_kept_without_a_call(organisation: Organisation) -> None:
    old = await fill(organisation)
    worker = organisation.backend.retention_worker
    await worker.sweep()
    assert (await verify(organisation)).removed == 0
    await organisation.perform(SetRetention(tenant=TENANT, keep_days=30))
    await worker.sweep()
    check = await verify(organisation)
    assert (check.whole, check.removed) == (True, old.seq)
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="audit.retained"))).items[0]
    assert (entry.actor, entry.channel) == ("secconsole", "server")
    await worker.sweep()
    assert len((await organisation.perform(ListAudit(tenant=TENANT, action="audit.retained"))).items) == 1
    await organisation.perform(SetRetention(tenant=TENANT, keep_days=0))
    set_entry = (await organisation.perform(ListAudit(tenant=TENANT, action="audit.retention-set"))).items[0]
    assert (set_entry.details["before"], set_entry.details["after"]) == ("30 days", "for good")


@pytest.mark.alike
@pytest.mark.parametrize("days", [-1, 1, 29, 36_501])
async def test_there_is_a_least_and_a_most(organisation: Organisation, days: int) -> None:
    for wanted in (SetRetention(tenant=TENANT, keep_days=days), RetainAudit(tenant=TENANT, keep_days=days)):
        with pytest.raises(Invalid, match="at least 30 days"):
            await organisation.perform(wanted)


@pytest.mark.alike
async def test_only_administrators_remove(organisation: Organisation) -> None:
    await organisation.add("olga", Role.AUDITOR)
    olga = await organisation.sign_in("olga")
    assert (await organisation.perform(ShowRetention(tenant=TENANT), olga)).keep_days == 0
    for wanted in (SetRetention(tenant=TENANT, keep_days=400), RetainAudit(tenant=TENANT, keep_days=400)):
        with pytest.raises(NotAllowed):
            await organisation.perform(wanted, olga)


@pytest.mark.alike
async def test_a_store_is_not_taken_for_an_older_one(organisation: Organisation, tmp_path: Path) -> None:
    """The heads that this machine has seen name removed entries after a while."""
    file = tmp_path / "heads.json"

    def note(connection: sa.Connection) -> bool:
        return note_heads(connection, file)

    def older(connection: sa.Connection) -> int:
        return len(older_chains(connection, file))

    await fill(organisation)
    assert await asyncio.wrap_future(organisation.backend.store.read(note))
    organisation.clock.forward(days=40)
    await retain(organisation)
    assert await asyncio.wrap_future(organisation.backend.store.read(older)) == 0
    await organisation.add("late")
    organisation.clock.forward(days=40)
    await retain(organisation)
    assert await asyncio.wrap_future(organisation.backend.store.read(older)) == 0


async def test_entries_of_an_open_alert_are_kept(organisation: Organisation) -> None:
    old = await fill(organisation)
    await attack(
        organisation,
        "INSERT INTO alerts (id, tenant_pk, rule, subject, created) VALUES ('a1', 1, 'x', '', 1)",
        "INSERT INTO alert_events (alert_pk, seq) SELECT pk, 4 FROM alerts",
    )
    done = await retain(organisation)
    assert (done.removed, done.held, done.held_by) == (3, old.seq - 3, "the open alert a1")
    await attack(organisation, "UPDATE alerts SET acknowledged = 1")
    assert (await retain(organisation)).removed == old.seq - 3
