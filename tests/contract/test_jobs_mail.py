"""Jobs that give passwords: by mail, each shown nowhere else, and never the same twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.errors import Conflict
from secconsole.domain.jobs import ItemState, JobKind
from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import Job, PreviewJob, RetryJob, ShowJob, StartJob
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CreateUser
from secconsole.store.schema import audit, job_items, jobs, outbox, users
from tests.delivery.post import Post, post_for
from tests.organisation import PASSWORD, TENANT, Organisation

_ONE_TIME = re.compile(r"(?:One-time|First-time) password: +([a-z2-9]{4}(?:-[a-z2-9]{4}){3})\n")


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Mail is set up."""
    async with post_for(organisation) as made:
        await made.set_up()
        yield made


async def done(organisation: Organisation, operation: StartJob | RetryJob) -> Job:
    job = await organisation.perform(operation)
    return [step async for step in drive_job(organisation.perform, TENANT, job.id, at_once=3)][-1]


async def outcomes(organisation: Organisation, job: Job) -> dict[str, tuple[ItemState, str]]:
    shown = await organisation.perform(ShowJob(tenant=TENANT, job=job.id))
    return {item.login: (item.state, item.reason) for item in shown.items}


async def mailed(post: Post) -> dict[str, Secret[str]]:
    """Return the one-time passwords in all mails, by the beginning of the address."""
    await post.wait_idle()
    texts = [(str(m["To"]), str(m.get_content()).replace("\r\n", "\n")) for m in post.mailbox.mails]
    return {to.partition("@")[0]: Secret(found[1]) for to, text in texts if (found := _ONE_TIME.search(text))}


async def people(organisation: Organisation) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login, email=f"{login}@acme.example")
    await organisation.add("cid")  # no address
    await organisation.perform(CreateUser(tenant=TENANT, login="dan", email="dan@acme.example"))  # no password
    await organisation.add("eve", email="eve@acme.example")
    await organisation.perform(DisableUser(tenant=TENANT, user="eve"))


@pytest.mark.alike
async def test_passwords_of_many_are_reset_by_mail(post: Post) -> None:
    organisation = post.organisation
    await people(organisation)
    expected = await organisation.perform(PreviewJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, filter="role:user"))
    job = await done(organisation, StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, filter="role:user"))
    assert (job.done, job.skipped, job.failed) == (2, 1, 2) == (expected.done, expected.skipped, expected.failed)
    found = await outcomes(organisation, job)
    assert found["cid"] == (ItemState.FAILED, "There is no e-mail address on record.")
    assert found["dan"] == (ItemState.SKIPPED, "Has no password yet. Invite this user instead.")
    assert found["eve"] == (ItemState.FAILED, "The account is disabled.")
    passwords = await mailed(post)
    assert set(passwords) == {"ana", "ben"}
    assert passwords["ana"].reveal() != passwords["ben"].reveal()
    assert (await organisation.start("ana")).status is SignInStatus.REFUSED
    assert (await organisation.start("ana", passwords["ana"])).status is SignInStatus.NEW_PASSWORD
    assert (await organisation.start("cid")).status is SignInStatus.COMPLETE, "nothing was done to this one"

    def rows(connection: sa.Connection) -> str:
        return repr([connection.execute(sa.select(one)).all() for one in (users, outbox, audit, jobs, job_items)])

    stored = await asyncio.wrap_future(organisation.backend.store.read(rows))
    assert not [password for password in passwords.values() if password.reveal() in stored]


@pytest.mark.alike
async def test_after_a_leak_passwords_of_those_that_no_mail_reaches_can_be_ended_too(post: Post) -> None:
    organisation = post.organisation
    await people(organisation)
    start = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, filter="role:user", without_mail=True)
    job = await done(organisation, start)
    assert (job.done, job.skipped, job.failed) == (4, 1, 0)
    assert "an administrator has to hand over a password" in (await outcomes(organisation, job))["cid"][1]
    for login in ("ana", "cid", "eve"):
        assert (await organisation.start(login)).status is SignInStatus.REFUSED


async def test_many_are_invited_by_a_job(post: Post) -> None:
    organisation = post.organisation
    await people(organisation)
    await organisation.perform(CreateUser(tenant=TENANT, login="fay"))  # neither a password nor an address
    users = ("ana", "dan", "fay")
    expected = await organisation.perform(PreviewJob(tenant=TENANT, kind=JobKind.INVITE, users=users))
    job = await done(organisation, StartJob(tenant=TENANT, kind=JobKind.INVITE, users=users))
    assert (job.done, job.skipped, job.failed) == (1, 1, 1) == (expected.done, expected.skipped, expected.failed)
    found = await outcomes(organisation, job)
    assert {login: state for login, (state, _) in found.items()} == {
        "ana": ItemState.SKIPPED,
        "dan": ItemState.DONE,
        "fay": ItemState.FAILED,
    }
    assert set(await mailed(post)) == {"dan"}
    again = await done(organisation, RetryJob(tenant=TENANT, job=job.id))
    assert (again.done, again.skipped, again.failed) == (1, 1, 1)


@pytest.mark.alike
async def test_without_mail_nothing_that_needs_it_is_started(organisation: Organisation) -> None:
    await people(organisation)
    for kind in (JobKind.INVITE, JobKind.RESET_PASSWORD):
        with pytest.raises(Conflict, match="Mail is not set up"):
            await organisation.perform(StartJob(tenant=TENANT, kind=kind, filter=""))
    job = await done(
        organisation, StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, users=("ana",), without_mail=True)
    )
    assert job.done == 1
    assert (await organisation.start("ana", PASSWORD)).status is SignInStatus.REFUSED
