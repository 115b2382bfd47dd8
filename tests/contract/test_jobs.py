"""Jobs: one act on many users, exactly once for each, with any driver and through any interruption."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Stale, StepUpNeeded
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.roles import NOT_YOURSELF, Role
from secconsole.operations.audit import ListAudit
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import (
    AdvanceJob,
    CancelJob,
    Job,
    JobPreview,
    ListJobs,
    PauseJob,
    PreviewJob,
    ResumeJob,
    RetryJob,
    ShowJob,
    StartJob,
)
from secconsole.operations.policy import SetPolicy
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.unbinding import UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser
from secconsole.operations.users import ShowUser
from tests.organisation import TENANT, Organisation

USERS = tuple(f"u{number:02}" for number in range(6))


async def bound_users(organisation: Organisation, *logins: str) -> None:
    for login in logins or USERS:
        await organisation.add(login)
        await organisation.bind(login)


def start(kind: JobKind, *users: str, reason: str = "lost", **more: object) -> StartJob:
    return StartJob(tenant=TENANT, kind=kind, users=users, reason=reason, **more)  # type: ignore[arg-type]


async def states(organisation: Organisation, job: str) -> dict[str, tuple[ItemState, str]]:
    detail = await organisation.perform(ShowJob(tenant=TENANT, job=job, limit=500))
    return {item.login: (item.state, item.reason) for item in detail.items}


async def finished(organisation: Organisation, operation: StartJob, at_once: int = 2) -> Job:
    job = await organisation.perform(operation)
    steps = [step async for step in drive_job(organisation.perform, TENANT, job.id, at_once=at_once)]
    return steps[-1]


async def test_a_job_acts_once_on_each_user_and_links_its_audit_entries(organisation: Organisation) -> None:
    await bound_users(organisation)
    await organisation.add("una")
    job = await finished(organisation, start(JobKind.UNBIND, *USERS, "una", "nobody", reason="stolen", ticket="T-1"))
    assert (job.state, job.total, job.done, job.skipped, job.failed) == (JobState.FINISHED, 8, 6, 1, 1)
    found = await states(organisation, job.id)
    assert found["una"] == (ItemState.SKIPPED, "Unbound already.")
    assert found["nobody"] == (ItemState.FAILED, "There is no such user.")
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items
    assert sorted(entry.target for entry in entries) == list(USERS)
    assert {entry.details["job"] for entry in entries} == {job.id}
    assert {entry.ticket for entry in entries} == {"T-1"}
    (ended,) = (await organisation.perform(ListAudit(tenant=TENANT, action="job.finished"))).items
    (begun,) = (await organisation.perform(ListAudit(tenant=TENANT, action="job.started"))).items
    assert (ended.details["job"], ended.details["done"], ended.details["failed"]) == (job.id, 6, 1)
    assert (begun.details["job"], begun.details["total"], begun.reason) == (job.id, 8, "stolen")
    again = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))
    assert (again.state, again.done) == (JobState.FINISHED, 6)


async def test_one_undo_restores_all_users_of_a_short_job(organisation: Organisation) -> None:
    await bound_users(organisation)
    job = await finished(organisation, start(JobKind.UNBIND, *USERS))
    (event,) = job.events
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    assert sorted(user.login for user in undone.restored) == list(USERS)


async def test_a_long_job_begins_another_unbinding_so_that_its_last_users_can_be_undone(
    organisation: Organisation,
) -> None:
    await bound_users(organisation)
    job = await organisation.perform(start(JobKind.UNBIND, *USERS))
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=3))
    organisation.clock.forward(minutes=6)
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=1))
    organisation.clock.forward(minutes=5)
    job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=50))
    assert (job.state, job.done, len(job.events)) == (JobState.FINISHED, 6, 3)
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=job.events[-1]))
    assert len(undone.restored) == 2


async def test_the_selection_is_frozen_at_the_start(organisation: Organisation) -> None:
    await bound_users(organisation, "ann", "ben")
    job = await organisation.perform(StartJob(tenant=TENANT, kind=JobKind.DISABLE, filter="status:bo"))
    await bound_users(organisation, "cid")
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))
    assert sorted(await states(organisation, job.id)) == ["ann", "ben"]
    assert job.selection == "status:bound"


@pytest.mark.alike
async def test_a_demoted_or_disabled_driver_goes_no_further(organisation: Organisation) -> None:
    await bound_users(organisation)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("tom", Role.TENANT_ADMIN)
    hana = await organisation.sign_in("hana")
    job = await organisation.perform(start(JobKind.UNBIND, *USERS), hana)
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=2), hana)
    await organisation.perform(ChangeRole(tenant=TENANT, user="hana", role=Role.AUDITOR))
    hana = await organisation.sign_in("hana")
    with pytest.raises(NotAllowed):
        await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), hana)
    tom = await organisation.sign_in("tom")
    with pytest.raises(Stale):
        await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), tom)
    await organisation.perform(ResumeJob(tenant=TENANT, job=job.id), tom)
    job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), tom)
    assert (job.state, job.done, job.by, job.driver) == (JobState.FINISHED, 6, "hana", "tom")


@pytest.mark.alike
async def test_the_rules_of_the_single_operation_hold_for_each_user(organisation: Organisation) -> None:
    await bound_users(organisation, "ann")
    for login, role in (("tom", Role.TENANT_ADMIN), ("tess", Role.TENANT_ADMIN)):
        await organisation.add(login, role)
    tom = await organisation.sign_in("tom")
    job = await organisation.perform(start(JobKind.DISABLE, "tom", "root", "ann", "tess"), tom)
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), tom)
    found = await states(organisation, job.id)
    assert found["tom"] == (ItemState.FAILED, NOT_YOURSELF)
    assert found["root"] == (ItemState.FAILED, "A tenant-admin may not act on a platform-admin.")
    assert found["tess"] == (ItemState.FAILED, "A tenant-admin may not act on a tenant-admin.")
    assert {login for login, (state, _) in found.items() if state is ItemState.DONE} == {"ann"}


@pytest.mark.alike
async def test_helpdesk_starts_only_what_it_may_do_alone(organisation: Organisation) -> None:
    await bound_users(organisation, "ann")
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    for operation in (start(JobKind.DISABLE, "ann"), PreviewJob(tenant=TENANT, kind=JobKind.DISABLE, users=("ann",))):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, hana)
    job = await organisation.perform(start(JobKind.DISABLE, "ann"))
    for steer in (AdvanceJob, PauseJob, CancelJob, ResumeJob, RetryJob):
        with pytest.raises(NotAllowed):
            await organisation.perform(steer(tenant=TENANT, job=job.id), hana)  # type: ignore[arg-type]
    shown = await organisation.perform(ShowJob(tenant=TENANT, job=job.id), hana)
    assert not shown.job.steerable


@pytest.mark.alike
async def test_steps_need_no_new_proof_but_taking_over_does(organisation: Organisation) -> None:
    await bound_users(organisation)
    for login in ("hana", "hugo"):
        await organisation.add(login, Role.HELPDESK)
    hana, hugo = await organisation.sign_in("hana"), await organisation.sign_in("hugo")
    job = await organisation.perform(start(JobKind.UNBIND, *USERS), hana)
    organisation.clock.forward(minutes=6)
    job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=1), hana)
    assert job.done == 1
    for operation in (ResumeJob(tenant=TENANT, job=job.id), RetryJob(tenant=TENANT, job=job.id)):
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, hugo)


async def test_pause_resume_cancel(organisation: Organisation) -> None:
    await bound_users(organisation)
    job = await organisation.perform(start(JobKind.UNBIND, *USERS))
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=2))
    paused = await organisation.perform(PauseJob(tenant=TENANT, job=job.id))
    assert (paused.state, paused.done, paused.pending) == (JobState.PAUSED, 2, 4)
    with pytest.raises(Stale, match="paused"):
        await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))
    await organisation.perform(ResumeJob(tenant=TENANT, job=job.id))
    await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, most=1))
    cancelled = await organisation.perform(CancelJob(tenant=TENANT, job=job.id))
    assert (cancelled.state, cancelled.done, cancelled.skipped, cancelled.pending) == (JobState.CANCELLED, 3, 3, 0)
    for operation in (AdvanceJob, ResumeJob, PauseJob, CancelJob):
        with pytest.raises(Stale, match="cancelled"):
            await organisation.perform(operation(tenant=TENANT, job=job.id))  # type: ignore[arg-type]
    for login in USERS[3:]:
        assert (await organisation.perform(ShowUser(tenant=TENANT, user=login))).user.status is BindingStatus.BOUND


async def test_a_job_that_nobody_drives_shows_as_interrupted(organisation: Organisation) -> None:
    await bound_users(organisation, "ann")
    await organisation.perform(start(JobKind.UNBIND, "ann"))
    organisation.clock.forward(seconds=31)
    (job,) = (await organisation.perform(ListJobs(tenant=TENANT, only_open=True))).items
    assert job.state is JobState.INTERRUPTED


async def test_failed_users_can_be_tried_again(organisation: Organisation) -> None:
    await organisation.add("ann")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    job = await finished(organisation, start(JobKind.REQUIRE_MFA, "ann", "nobody"))
    assert (job.done, job.failed) == (0, 2)
    state, reason = (await states(organisation, job.id))["ann"]
    assert state is ItemState.FAILED
    assert "policy of acme is off" in reason
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    again = await organisation.perform(RetryJob(tenant=TENANT, job=job.id))
    assert (again.state, again.pending, again.failed) == (JobState.RUNNING, 1, 1)
    job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))
    assert (job.state, job.done, job.failed) == (JobState.FINISHED, 1, 1)
    with pytest.raises(Conflict):
        await organisation.perform(RetryJob(tenant=TENANT, job=job.id))


async def test_other_tenants_have_no_such_job(organisation: Organisation) -> None:
    await bound_users(organisation, "ann")
    job = await organisation.perform(start(JobKind.UNBIND, "ann"))
    await organisation.perform(CreateTenant(name="beta"))
    for operation in (ShowJob, AdvanceJob, PauseJob, CancelJob, ResumeJob, RetryJob):
        with pytest.raises(NotFound, match="no such job"):
            await organisation.perform(operation(tenant="beta", job=job.id))  # type: ignore[arg-type]
    assert (await organisation.perform(ListJobs(tenant="beta"))).items == ()
    with pytest.raises(NotFound):
        await organisation.perform(StartJob(tenant="beta", kind=JobKind.UNBIND, filter="", reason="x"))


@pytest.mark.alike
async def test_a_selection_is_either_named_or_filtered_and_not_empty(organisation: Organisation) -> None:
    for operation in (
        StartJob(tenant=TENANT, kind=JobKind.UNLOCK),
        StartJob(tenant=TENANT, kind=JobKind.UNLOCK, users=("root",), filter=""),
        StartJob(tenant=TENANT, kind=JobKind.UNBIND, users=("root",), reason=" "),
        StartJob(tenant=TENANT, kind=JobKind.UNLOCK, filter="role:"),
        StartJob(tenant=TENANT, kind=JobKind.UNLOCK, filter="role:boss"),
    ):
        with pytest.raises(Invalid):
            await organisation.perform(operation)


MAILED = (JobKind.INVITE, JobKind.RESET_PASSWORD, JobKind.ADVISE, JobKind.REMIND)  # see test_jobs_mail


async def preview(organisation: Organisation, kind: JobKind) -> JobPreview:
    return await organisation.perform(PreviewJob(tenant=TENANT, kind=kind, filter=""))


@pytest.mark.alike
@pytest.mark.parametrize("kind", [kind for kind in JobKind if kind not in MAILED])
async def test_the_preview_agrees_with_what_is_done(organisation: Organisation, kind: JobKind) -> None:
    await bound_users(organisation, "ann", "ben")
    for login in ("cid", "dan"):
        await organisation.add(login)
    await organisation.perform(DisableUser(tenant=TENANT, user="dan"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    found = await preview(organisation, kind)
    job = await finished(organisation, StartJob(tenant=TENANT, kind=kind, filter="", reason="test"))
    assert (found.done, found.skipped, found.failed) == (job.done, job.skipped, job.failed)
    expected = {item.login: (item.state, item.reason) for item in found.items}
    assert expected == await states(organisation, job.id)
    await organisation.perform(EnableUser(tenant=TENANT, user="dan"))


async def test_two_drivers_at_once_do_no_user_twice(organisation: Organisation) -> None:
    await bound_users(organisation)
    await organisation.add("hana", Role.HELPDESK)
    hana = await organisation.sign_in("hana")
    job = await organisation.perform(start(JobKind.UNBIND, *USERS), hana)
    # Different requests, because a client sends the same one again with the same key.
    steps = [AdvanceJob(tenant=TENANT, job=job.id, most=most) for most in (1, 2, 3, 4, 5, 6)]
    await asyncio.gather(*(organisation.perform(step, hana) for step in steps))
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items
    assert sorted(entry.target for entry in entries) == list(USERS)
    assert len((await organisation.perform(ListAudit(tenant=TENANT, action="job.finished"))).items) == 1
    assert (await organisation.perform(ShowJob(tenant=TENANT, job=job.id))).job.done == len(USERS)
