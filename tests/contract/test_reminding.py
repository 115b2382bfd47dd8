"""Reminding users by mail to bind a factor, when an operator wants it."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import Conflict
from secconsole.domain.jobs import JobKind
from secconsole.domain.model import PolicyMode
from secconsole.operations.audit import ListAudit
from secconsole.operations.job_driver import drive_job
from secconsole.operations.jobs import StartJob
from secconsole.operations.policy import SetPolicy
from secconsole.operations.reminding import RemindUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.delivery.post import post_for
from tests.organisation import TENANT, Organisation


async def test_those_who_must_bind_are_mailed_the_date_and_the_others_are_not(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        for login in ("ana", "ben", "cleo"):
            await organisation.add(login, email=f"{login}@acme.example")
        await organisation.add("cid")  # no address
        await organisation.bind("ben")
        await organisation.perform(AddToWhitelist(tenant=TENANT, users=("cleo",), reason="service account"))
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
        with pytest.raises(Conflict, match="Need not bind"):
            await organisation.perform(RemindUser(tenant=TENANT, user="ana"))
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=14))
        start = StartJob(tenant=TENANT, kind=JobKind.REMIND, users=("ana", "ben", "cleo", "cid"))
        with pytest.raises(Conflict, match="Mail is not set up"):
            await organisation.perform(start)
        await post.set_up()
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=14))
        before = len(post.mailbox.mails)
        job = await organisation.perform(start)
        done = [step async for step in drive_job(organisation.perform, TENANT, job.id)][-1]
        await post.wait_idle()
        mails = post.mailbox.mails[before:]
        assert [str(mail["To"]) for mail in mails] == ["ana@acme.example"]
        assert "before 20" in str(mails[0].get_content())
        assert (done.done, done.skipped, done.failed) == (1, 1, 2)
        assert len((await organisation.perform(ListAudit(tenant=TENANT, action="user.reminded"))).items) == 1
