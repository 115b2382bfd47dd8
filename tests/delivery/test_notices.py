"""Sending of notices: never before a code, tried for a day, and in valid mails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.messages.delivery import MessageState, Purpose
from secconsole.domain.model import FactorKind
from secconsole.operations.delivery import MessageRow, ShowDelivery
from secconsole.operations.factors import EnrollFactor, MailKey
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.service.outbox.worker import NOTICES_AT_ONCE
from secconsole.store import outbox as records
from secconsole.store.outbox import TAKEN_FOR
from secconsole.store.schema import outbox
from tests.delivery.mail_server import text_of
from tests.delivery.post import Post, post_for
from tests.organisation import TENANT, organisation_in

MAIL = "ana@acme.example"


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def post(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    """Set up on either database, with ana in the tenant."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as organisation, post_for(organisation) as made:
        await made.set_up()
        await organisation.add("ana", email=MAIL)
        yield made


async def newest(post: Post) -> MessageRow:
    return (await post.organisation.perform(ShowDelivery(tenant=TENANT))).recent[0]


async def states(post: Post) -> Counter[str]:
    """Return the number of notices in each state."""

    def look(connection: sa.Connection) -> Counter[str]:
        query = sa.select(outbox.c.state).where(outbox.c.purpose == Purpose.NOTICE)
        return Counter(connection.execute(query).scalars())

    return await asyncio.wrap_future(post.organisation.backend.store.read(look))


async def test_a_notice_and_a_mailed_key_arrive_as_mails(post: Post) -> None:
    started = await post.organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    mail_key = MailKey(tenant=TENANT, enrollment=started.enrollment, address="žofie@čáp.example")
    assert (await post.organisation.perform(mail_key)).sent
    await post.wait_idle()
    key, (notice,) = post.mailbox.mails[-1], post.mailbox.notices
    assert (key["From"], key["To"]) == ("mfa@acme.example", "žofie@xn--p-tfa5k.example")
    assert (notice["From"], notice["To"], notice["Auto-Submitted"]) == ("mfa@acme.example", MAIL, "auto-generated")
    assert key["Subject"] == "Your key for acme"
    assert notice["Subject"] == "Key mailed to another address: your account at acme"
    assert started.uri.reveal() in text_of(key)
    assert "From: the command line, on the server itself\n" in text_of(notice)
    assert [row.purpose for row in (await post.organisation.perform(ShowDelivery(tenant=TENANT))).recent[:2]] == [
        Purpose.NOTICE,
        Purpose.KEY,
    ]


async def test_a_code_never_waits_for_notices(post: Post) -> None:
    organisation = post.organisation
    logins = [f"user{number:02}" for number in range(20)]
    lines = tuple(NewUser(i, login, email=f"{login}@acme.example") for i, login in enumerate(logins))
    await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    for login in logins:
        await organisation.perform(EnrollFactor(tenant=TENANT, user=login))
    post.mailbox.hold = asyncio.Event()
    post.mailbox.taken.clear()
    await organisation.perform(Unbind(tenant=TENANT, users=tuple(logins), reason="lost in the fire"))
    await asyncio.wait_for(post.mailbox.taken.wait(), 10)
    assert (await post.enroll("ana", FactorKind.EMAIL)).sent
    await asyncio.wait_for(organisation.backend.delivery_worker.wait_idle(notices=False), 10)
    assert post.mailbox.mails[-1]["To"] == MAIL
    assert await states(post) == {"sending": NOTICES_AT_ONCE, "waiting": len(logins) - NOTICES_AT_ONCE}
    post.mailbox.hold.set()
    await post.wait_idle()
    assert await states(post) == {"sent": len(logins)}
    assert {str(mail["To"]) for mail in post.mailbox.notices} == {f"{login}@acme.example" for login in logins}


async def test_a_notice_is_retried_for_a_day(post: Post) -> None:
    post.mailbox.at_rcpt = ["451 4.7.1 later"] * 1_000
    await post.organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await post.wait_idle()
    for _ in range(22):
        post.organisation.clock.forward(minutes=60)
        await post.wait_idle()
    waiting = await newest(post)
    assert (waiting.purpose, waiting.state, waiting.attempts) == (Purpose.NOTICE, MessageState.WAITING, 23)
    post.mailbox.at_rcpt.clear()
    post.organisation.clock.forward(minutes=59)
    await post.wait_idle()
    assert ((await newest(post)).state, len(post.mailbox.notices)) == (MessageState.WAITING, 0), "not before its time"
    post.organisation.clock.forward(minutes=1)
    await post.wait_idle()
    assert ((await newest(post)).state, len(post.mailbox.notices)) == (MessageState.SENT, 1)


async def test_a_notice_is_not_retried_after_a_day(post: Post) -> None:
    post.mailbox.at_rcpt = ["451 4.7.1 later"] * 1_000
    await post.organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await post.wait_idle()
    post.organisation.clock.forward(days=1)
    await post.wait_idle()
    found = await newest(post)
    assert (found.state, "4.7.1" in found.problem) == (MessageState.EXPIRED, True)


async def test_a_notice_of_a_killed_sender_is_sent_by_another(post: Post) -> None:
    """A code would not be: it may have arrived."""
    post.mailbox.at_rcpt = ["451 4.7.1 later"]
    await post.organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await post.wait_idle()

    def take(connection: sa.Connection) -> None:
        assert records.take(connection, int(post.organisation.clock.now * 1000) + 5_000, notices=True) is not None

    await asyncio.wrap_future(post.organisation.backend.store.write(take))
    post.organisation.clock.forward(seconds=10)
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.SENDING
    post.organisation.clock.forward(seconds=TAKEN_FOR / 1000)
    await post.wait_idle()
    assert ((await newest(post)).state, len(post.mailbox.notices)) == (MessageState.SENT, 1)


async def test_closing_does_not_wait_for_a_refusing_server_and_loses_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.service.outbox.worker.PATIENCE", 0.1)
    post.mailbox.hold = asyncio.Event()
    post.mailbox.taken.clear()
    await post.organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await asyncio.wait_for(post.mailbox.taken.wait(), 10)
    await asyncio.wait_for(post.organisation.reopen(), 10)
    waiting = await newest(post)
    assert (waiting.state, "was closed" in waiting.problem) == (MessageState.WAITING, True)
    post.mailbox.hold = None
    post.organisation.clock.forward(seconds=5)
    await post.wait_idle()
    assert ((await newest(post)).state, len(post.mailbox.notices)) == (MessageState.SENT, 1)
