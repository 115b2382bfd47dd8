"""The outbox: each message is sent at most once, by any process and after any failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from secconsole.backends import embedded
from secconsole.delivery.message import DeliveryOutcome, Message
from secconsole.delivery.smtp import SmtpAccount
from secconsole.domain.messages.delivery import MessageState, Purpose
from secconsole.domain.model import FactorKind
from secconsole.operations.caller import Source
from secconsole.operations.delivery import MessageRow, SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.tenants import CreateTenant
from secconsole.service.outbox.worker import OF_ONE_TENANT
from secconsole.store.outbox import KEPT, TAKEN_FOR
from secconsole.store.schema import outbox
from tests.delivery.mail_server import mail_server
from tests.delivery.post import Post, digits_in, post_for
from tests.organisation import TENANT, open_store, organisation_in


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def post(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    """Set up on either database, with ana in the tenant."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as organisation, post_for(organisation) as made:
        await made.set_up()
        await organisation.add("ana", email="ana@acme.example")
        yield made


async def enroll(post: Post, login: str = "ana") -> str:
    started = await post.enroll(login, FactorKind.EMAIL)
    assert started.sent
    return started.enrollment


async def newest(post: Post) -> MessageRow:
    """The newest message but for notices."""
    recent = (await post.organisation.perform(ShowDelivery(tenant=TENANT))).recent
    return next(message for message in recent if message.purpose is not Purpose.NOTICE)


async def rows(post: Post) -> list[dict[str, object]]:
    def look(connection: sa.Connection) -> list[dict[str, object]]:
        return [dict(row._mapping) for row in connection.execute(sa.select(outbox).order_by(outbox.c.pk))]

    return await asyncio.wrap_future(post.organisation.backend.store.read(look))


async def test_several_servers_on_one_store_send_each_message_once(post: Post) -> None:
    organisation = post.organisation
    before = len(post.mailbox.mails)
    logins = [f"user{number:02}" for number in range(12)]
    for login in logins:
        await organisation.add(login, email=f"{login}@acme.example")
    others = [await open_store(organisation.clock, organisation.place) for _ in range(2)]
    try:
        for login in logins:
            await enroll(post, login)
            others[0].delivery_worker.wake()
        workers = [backend.delivery_worker for backend in (organisation.backend, *others)]
        for worker in workers:
            worker.wake()
        await asyncio.gather(*(worker.wait_idle() for worker in workers))
        await post.wait_idle()
    finally:
        for backend in others:
            await backend.close()
    sent = Counter(str(mail["To"]) for mail in post.mailbox.mails[before:])
    assert sent == {f"{login}@acme.example": 1 for login in logins}


async def test_greylisting_delays_a_code_and_does_not_lose_it(post: Post) -> None:
    post.mailbox.at_rcpt = ["451 4.7.1 later", "451 4.7.1 later"]
    mails = len(post.mailbox.mails)
    enrollment = await enroll(post)
    await post.wait_idle()
    waiting = await newest(post)
    assert (waiting.state, waiting.attempts, len(post.mailbox.mails)) == (MessageState.WAITING, 1, mails)
    assert "451 4.7.1" in waiting.problem
    await post.wait_idle()
    assert (await newest(post)).attempts == 1, "not before its time"
    post.organisation.clock.forward(seconds=5)
    await post.wait_idle()
    assert (await newest(post)).attempts == 2
    post.organisation.clock.forward(seconds=15)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=await post.mailed())
    assert (await post.organisation.perform(confirm)).accepted
    assert ((await newest(post)).state, (await newest(post)).problem) == (MessageState.SENT, "")


async def test_a_recovered_server_gets_waiting_messages(post: Post) -> None:
    async with mail_server() as gone:
        pass
    post.mailbox.at_rcpt = ["421 4.3.2 shutting down"]
    await enroll(post)
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.WAITING
    assert gone.mails == []
    await post.organisation.reopen()  # the outbox outlives the process
    post.organisation.clock.forward(seconds=5)
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.SENT


async def test_a_code_that_may_have_arrived_is_not_sent_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from secconsole.delivery import smtp

    monkeypatch.setattr(smtp.send_mail, "__kwdefaults__", {"timeout": 0.5})
    post.mailbox.silent = True
    await enroll(post)
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.UNSURE
    post.mailbox.silent = False
    mails = len(post.mailbox.mails)
    post.organisation.clock.forward(minutes=5)
    await post.wait_idle()
    assert len(post.mailbox.mails) == mails


async def test_messages_in_transit_of_a_killed_process_are_given_up(post: Post) -> None:
    await enroll(post)
    await post.wait_idle()
    mails = len(post.mailbox.mails)

    def as_if_taken(connection: sa.Connection) -> None:
        newest = sa.select(sa.func.max(outbox.c.pk)).scalar_subquery()
        now = int(post.organisation.clock.now * 1000)
        values = {"state": "sending", "due": now + TAKEN_FOR, "sealed": b"x", "ended": None}
        connection.execute(sa.update(outbox).where(outbox.c.pk == newest).values(values))

    await asyncio.wrap_future(post.organisation.backend.store.write(as_if_taken))
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.SENDING
    post.organisation.clock.forward(seconds=TAKEN_FOR / 1000)
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.UNSURE
    assert (await rows(post))[-1]["sealed"] is None
    assert len(post.mailbox.mails) == mails


async def test_a_newer_code_cancels_the_older_one(post: Post) -> None:
    post.mailbox.at_rcpt = ["451 later"]
    await enroll(post)
    await post.wait_idle()
    post.organisation.clock.forward(seconds=60)
    mails = len(post.mailbox.mails)
    enrollment = await enroll(post)
    code = await post.mailed()
    assert len(post.mailbox.mails) == mails + 1
    assert [row["state"] for row in await rows(post)][-2:] == ["void", "sent"]
    confirm = ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=code)
    assert (await post.organisation.perform(confirm)).accepted


async def test_an_expired_code_is_not_sent(post: Post) -> None:
    post.mailbox.at_rcpt = ["451 later"] * 20
    await enroll(post)
    await post.wait_idle()
    mails = len(post.mailbox.mails)
    post.organisation.clock.forward(minutes=10)
    post.mailbox.at_rcpt = []
    await post.wait_idle()
    assert (await newest(post)).state is MessageState.EXPIRED
    assert len(post.mailbox.mails) == mails


async def test_a_sent_message_is_wiped(post: Post) -> None:
    await enroll(post)
    await post.wait_idle()
    code = digits_in(post.mailbox.text()).reveal()
    for row in await rows(post):
        assert row["sealed"] is None
        assert code not in repr(row)
        assert "ana@" not in repr(row)
    post.organisation.clock.forward(seconds=KEPT / 1000 + 1)
    await enroll(post)
    await post.wait_idle()
    assert len(await rows(post)) == 1


async def test_a_slow_server_does_not_delay_other_codes(post: Post) -> None:
    organisation = post.organisation
    post.twilio.hold = asyncio.Event()
    post.twilio.asked.clear()
    await organisation.add("bob")
    bob = await organisation.sign_in("bob")
    text = EnrollFactor(tenant=TENANT, user="bob", kind=FactorKind.SMS, address="+15005550012")
    await organisation.backend.perform_as(text, bob, Source("api"))
    await asyncio.wait_for(post.twilio.asked.wait(), 10)
    mails = len(post.mailbox.mails)
    await enroll(post)
    async with asyncio.timeout(10):
        while len(post.mailbox.mails) == mails:
            post.mailbox.taken.clear()
            await post.mailbox.taken.wait()
    post.twilio.hold.set()
    await post.wait_idle()
    assert {row["state"] for row in await rows(post)} == {"sent"}


async def test_closing_waits_for_messages_in_transit(post: Post) -> None:
    await enroll(post)
    mails = len(post.mailbox.mails)
    await post.organisation.reopen()
    assert len(post.mailbox.mails) in (mails, mails + 1)
    assert (await newest(post)).state is MessageState.SENT


async def test_a35_internal_errors_are_reported_without_the_message(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    async def fail(account: SmtpAccount, message: Message, now: datetime) -> DeliveryOutcome:
        seen.append(message.text.reveal())
        raise RuntimeError(f"the worst text an error can have: {seen} {message.to} {account}")

    monkeypatch.setattr("secconsole.service.outbox.worker.send_mail", fail)
    await enroll(post)
    await post.wait_idle()
    found = await newest(post)
    assert (found.state, "RuntimeError" in found.problem) == (MessageState.UNSURE, True)
    code = digits_in(seen[0]).reveal()
    for answer in (caplog.text, repr(found), repr(await rows(post))):
        assert code not in answer
        assert "ana@" not in answer
    assert len(seen) == 1


async def test_b10_a_silent_server_of_one_tenant_does_not_delay_another_tenant(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of its messages wait than are handed on at a time, and none of them ends."""
    monkeypatch.setattr(embedded, "SENDING_SECONDS", 0.05)  # for each of them
    organisation = post.organisation
    post.mailbox.silent = True
    for number in range(OF_ONE_TENANT + 2):
        await organisation.add(f"user{number}", email=f"user{number}@acme.example")
        await post.enroll(f"user{number}", FactorKind.EMAIL)
    await organisation.perform(CreateTenant(name="other"))
    async with mail_server() as others:
        settings = SetSmtp(tenant="other", host="127.0.0.1", port=others.port, sender="mfa@other.example")
        await organisation.perform(settings)
        test = TryDelivery(tenant="other", kind=FactorKind.EMAIL, to="admin@other.example")
        await organisation.backend.perform_as(test, organisation.backend.credential, Source("api"))
        async with asyncio.timeout(5):
            while not others.mails:
                await asyncio.sleep(0)
