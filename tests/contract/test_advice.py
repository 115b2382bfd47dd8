"""Advice for devices: shown in the organisation's words, and mailed to many."""

from __future__ import annotations

import pytest

from secconsole.config import locations
from secconsole.config.private import write_private
from secconsole.delivery.text_files import problems
from secconsole.domain.errors import Conflict, NotAllowed
from secconsole.domain.jobs import JobKind
from secconsole.domain.roles import Role
from secconsole.operations.audit import ListAudit
from secconsole.operations.incident import SendAdvice, ShowAdvice
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import StartJob
from tests.delivery.post import post_for
from tests.organisation import TENANT, Organisation

SHOW = ShowAdvice(tenant=TENANT)


def own_text(text: str) -> None:
    folder = locations.ensure_private_dir(locations.texts_dir())
    write_private(folder / "advice.txt", text)


async def test_the_advice_is_the_organisations_own_if_there_is_a_usable_one(organisation: Organisation) -> None:
    assert "acme" in (await organisation.perform(SHOW)).subject
    own_text("Reinstall\n\nBring your laptop of {tenant} to room 12.\n")
    found = await organisation.perform(SHOW)
    assert (found.subject, found.body) == ("Reinstall", "Bring your laptop of acme to room 12.\n")
    own_text("Reinstall\n\nYour {password} of {tenant}\n")
    assert "room 12" not in (await organisation.perform(SHOW)).body
    assert [problem.path.name for problem in problems()] == ["advice.txt"]


async def test_the_advice_is_mailed_to_many_once_each(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        start = StartJob(tenant=TENANT, kind=JobKind.ADVISE, filter="")
        with pytest.raises(Conflict, match="Mail is not set up"):
            await organisation.perform(start)
        await post.set_up()
        for login in ("ana", "ben"):
            await organisation.add(login, email=f"{login}@acme.example")
        await organisation.add("cid")  # no address
        before = len(post.mailbox.mails)
        job = await organisation.perform(start)
        done = [step async for step in drive_job(organisation.perform, TENANT, job.id)][-1]
        await post.wait_idle()
        mails = post.mailbox.mails[before:]
        assert {str(mail["To"]) for mail in mails} >= {"ana@acme.example", "ben@acme.example"}
        assert (len(mails), done.failed) == (done.done, done.total - done.done)
        assert "reinstalled" in str(mails[0].get_content())
        entries = (await organisation.perform(ListAudit(tenant=TENANT, action="incident.advised"))).items
        assert len(entries) == done.done


async def test_a_helpdesk_sends_no_advice(organisation: Organisation) -> None:
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("ana", email="ana@acme.example")
    hana = await organisation.sign_in("hana")
    for operation in (
        SHOW,
        SendAdvice(tenant=TENANT, user="ana"),
        StartJob(tenant=TENANT, kind=JobKind.ADVISE, users=("ana",)),
    ):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, hana)
