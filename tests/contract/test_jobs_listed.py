"""Resets whose new passwords go to a list: on the list before they count, and nowhere else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid, Stale, Unavailable
from secconsole.domain.jobs import JobKind, JobState
from secconsole.domain.model import SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.users.password import ListedPassword, one_time_password
from secconsole.operations.audit import ListAudit
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import (
    AdvanceJob,
    Job,
    NewPassword,
    ResumeJob,
    RetryJob,
    ShowJob,
    StartJob,
)
from secconsole.operations.password_list import drive_listed
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.store.schema import metadata
from tests.organisation import TENANT, Organisation

START = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, filter="role:user", listed=True)


@dataclass(slots=True)
class Paper:
    """List that runs out of room before a number of lines."""

    room: int = 1_000
    latest: int = 0
    lines: list[ListedPassword] = field(default_factory=list)

    async def keep(self, lines: Sequence[ListedPassword]) -> None:
        if len(self.lines) + len(lines) > self.room:
            raise Unavailable("The disk is full.")
        self.latest = len(lines)
        self.lines += lines

    async def withdraw(self) -> None:
        del self.lines[-self.latest :]

    def password(self, login: str) -> Secret[str]:
        (line,) = [line for line in self.lines if line.login == login]
        return line.password


async def driven(organisation: Organisation, job: Job, paper: Paper) -> Job:
    return [step async for step in drive_listed(organisation.perform, TENANT, job.id, paper)][-1]


async def people(organisation: Organisation, *logins: str) -> None:
    for login in logins:
        await organisation.add(login)  # without an address


async def test_listed_passwords_open_the_accounts_and_are_nowhere_else(organisation: Organisation) -> None:
    await people(organisation, "ana", "ben")
    await organisation.perform(CreateUser(tenant=TENANT, login="dan"))  # no password
    paper = Paper()
    started = await organisation.perform(START)
    job = await driven(organisation, started, paper)
    assert (job.state, job.done, job.skipped, job.failed, job.listed) == (JobState.FINISHED, 2, 1, 0, True)
    assert [line.login for line in paper.lines] == ["ana", "ben"]
    assert (await organisation.start("ana")).status is SignInStatus.REFUSED
    assert (await organisation.start("ana", paper.password("ana"))).status is SignInStatus.NEW_PASSWORD

    def texts(connection: sa.Connection) -> str:
        return str([connection.execute(sa.select(table)).all() for table in metadata.sorted_tables])

    stored = await asyncio.wrap_future(organisation.backend.store.read(texts))
    assert not [line for line in paper.lines if line.password.reveal() in stored]
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="user.password-reset"))).items
    assert [(entry.target, entry.details["to"]) for entry in entries] == [("ben", "a list"), ("ana", "a list")]


async def test_a_listed_password_ends_after_its_days(organisation: Organisation) -> None:
    await people(organisation, "ana")
    paper = Paper()
    await driven(organisation, await organisation.perform(START), paper)
    organisation.clock.now += 8 * 24 * 3600
    assert (await organisation.start("ana", paper.password("ana"))).status is SignInStatus.REFUSED


async def test_without_room_on_the_list_users_keep_their_passwords_and_another_list_goes_on(
    organisation: Organisation,
) -> None:
    logins = [f"u{number:02}" for number in range(27)]  # two portions
    await people(organisation, *logins)
    first, second = Paper(room=26), Paper()
    job = await organisation.perform(START)
    with pytest.raises(Unavailable, match="full"):
        await driven(organisation, job, first)
    assert [line.login for line in first.lines] == logins[:25]
    assert (await organisation.start(logins[24])).status is SignInStatus.REFUSED
    assert (await organisation.start(logins[25])).status is SignInStatus.COMPLETE
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    petra = await organisation.sign_in("petra")
    await organisation.perform(ResumeJob(tenant=TENANT, job=job.id), petra)

    async def as_petra(operation):  # type: ignore[no-untyped-def]
        return await organisation.perform(operation, petra)

    done = [step async for step in drive_listed(as_petra, TENANT, job.id, second)][-1]
    assert (done.state, done.done, done.failed) == (JobState.FINISHED, 27, 0)
    assert [line.login for line in second.lines] == logins[25:]
    assert (await organisation.start(logins[26], second.password(logins[26]))).status is SignInStatus.NEW_PASSWORD


async def test_users_who_cannot_be_reset_are_not_on_the_list(organisation: Organisation) -> None:
    for login in ("tina", "tom"):
        await organisation.add(login, Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    operation = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, users=("tina", "tom"), listed=True)
    job, paper = await organisation.perform(operation, tina), Paper()

    async def as_tina(operation):  # type: ignore[no-untyped-def]
        return await organisation.perform(operation, tina)

    done = [step async for step in drive_listed(as_tina, TENANT, job.id, paper)][-1]
    assert (done.state, done.failed, paper.lines) == (JobState.FINISHED, 2, [])
    for login in ("tina", "tom"):
        assert (await organisation.start(login)).status is SignInStatus.COMPLETE


async def test_a_chosen_password_is_refused_and_so_is_a_step_without_a_list(organisation: Organisation) -> None:
    await people(organisation, "ana")
    job = await organisation.perform(START)
    ana = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.id
    with pytest.raises(Conflict, match="list"):
        [step async for step in drive_job(organisation.perform, TENANT, job.id)]
    chosen = (NewPassword(ana, Secret("a password I would like")),)
    with pytest.raises(Invalid, match="one-time"):
        await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, passwords=chosen))
    assert (await organisation.perform(ShowJob(tenant=TENANT, job=job.id))).job.pending == 1
    assert (await organisation.start("ana")).status is SignInStatus.COMPLETE
    step = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, passwords=()))
    assert (step.failed, step.state) == (1, JobState.FINISHED), "it is not on the list, and can be tried again"
    paper = Paper()
    again = await driven(organisation, await organisation.perform(RetryJob(tenant=TENANT, job=job.id)), paper)
    assert (again.done, again.failed) == (1, 0)


async def test_only_passwords_go_to_a_list(organisation: Organisation) -> None:
    await people(organisation, "ana")
    with pytest.raises(Invalid, match="list"):
        await organisation.perform(StartJob(tenant=TENANT, kind=JobKind.UNLOCK, users=("ana",), listed=True))


async def test_two_programs_of_one_person_reset_each_user_once_and_one_of_them_stops(
    organisation: Organisation,
) -> None:
    logins = [f"u{number:02}" for number in range(60)]  # three portions
    await people(organisation, *logins)
    job = await organisation.perform(START)
    papers = Paper(), Paper()
    ends = await asyncio.gather(*(driven(organisation, job, paper) for paper in papers))
    end = (await organisation.perform(ShowJob(tenant=TENANT, job=job.id, limit=1))).job
    assert (end.state, end.done, end.failed) == (JobState.FINISHED, 60, 0)
    assert JobState.FINISHED in [each.state for each in ends]
    listed = [line.login for paper in papers for line in paper.lines]
    assert sorted(listed) == logins, "each on one list, once"
    for paper in papers:
        for line in paper.lines[::20]:
            assert (await organisation.start(line.login, line.password)).status is SignInStatus.NEW_PASSWORD
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="user.password-reset", limit=100))).items
    assert sorted(entry.target for entry in entries) == logins


async def test_a_program_whose_job_was_taken_over_withdraws_its_last_lines(organisation: Organisation) -> None:
    await people(organisation, "ana")
    job, late = await organisation.perform(START), Paper()

    async def overtaken(operation):  # type: ignore[no-untyped-def]
        if isinstance(operation, AdvanceJob):
            assert [line.login for line in late.lines] == ["ana"]
            await driven(organisation, job, Paper())
        return await organisation.perform(operation)

    end = [step async for step in drive_listed(overtaken, TENANT, job.id, late)][-1]
    assert (end.state, late.lines) == (JobState.FINISHED, [])


async def test_a_step_with_the_list_of_another_program_does_nothing(organisation: Organisation) -> None:
    await people(organisation, *(f"u{number:02}" for number in range(30)))
    job, paper = await organisation.perform(START), Paper()
    first = (await organisation.perform(ShowJob(tenant=TENANT, job=job.id, limit=25))).items
    listed = tuple(NewPassword(item.id, one_time_password(secrets.choice)) for item in first)
    async for _ in drive_listed(organisation.perform, TENANT, job.id, paper):
        break  # after the first portion
    with pytest.raises(Stale, match="another list"):
        await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id, passwords=listed))
    assert (await organisation.perform(ShowJob(tenant=TENANT, job=job.id))).job.failed == 0
