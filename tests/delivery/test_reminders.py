"""Reminders to bind a factor: by mail, once for each user and day, whichever process sends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.operations.audit import ListAudit
from secconsole.operations.delivery import ShowDelivery
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.policy import PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.service import reminders as service
from tests.delivery.mail_server import text_of
from tests.delivery.post import Post, post_for
from tests.organisation import TENANT, Organisation, open_store, organisation_in

SUBJECT = "Set up a second factor: your account at acme"
GRACE = 14


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def post(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    """Set up on either database, with three people."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as organisation, post_for(organisation) as made:
        await made.set_up()
        for login in ("ana", "ben", "cyd"):
            await organisation.add(login, email=f"{login}@acme.example")
        await organisation.add("nomail")
        yield made


async def require(organisation: Organisation, grace_days: int = GRACE) -> None:
    """Require a factor, with reminders."""
    await organisation.perform(
        SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=grace_days, reminders=True)
    )


async def reminded(post: Post, *, days: float = 0) -> list[str]:
    """Let days pass, and return who was reminded since the last call."""
    post.organisation.clock.forward(days=days, seconds=2)
    await post.organisation.perform(ShowPolicy(tenant=TENANT))  # any request lets a sweep do what is due
    await post.wait_idle()
    found = sorted(str(mail["To"]).partition("@")[0] for mail in post.mailbox.mails if mail["Subject"] == SUBJECT)
    post.mailbox.mails.clear()
    return found


async def test_users_without_a_factor_are_reminded_on_four_days(post: Post) -> None:
    organisation = post.organisation
    await organisation.bind("cyd")
    await require(organisation)
    assert await reminded(post) == ["ana", "ben"]
    assert await reminded(post, days=2.9) == []
    assert await reminded(post, days=0.2) == ["ana", "ben"]
    await organisation.bind("ben")
    found = {day: await reminded(post, days=1) for day in range(4, 20)}
    assert {day: who for day, who in found.items() if who} == {7: ["ana"], 13: ["ana"]}
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="policy.reminded"))).items
    assert [entry.details["mails"] for entry in entries] == [1, 1, 2, 2]


async def test_a_reminder_names_login_end_and_steps_and_has_no_link(post: Post) -> None:
    await require(post.organisation)
    post.organisation.clock.forward(seconds=2)
    await post.organisation.perform(ShowPolicy(tenant=TENANT))
    await post.wait_idle()
    mail = next(mail for mail in post.mailbox.mails if str(mail["To"]).startswith("ana@"))
    text = text_of(mail)
    end = (await post.organisation.perform(ShowUser(tenant=TENANT, user="ana"))).must_bind_from
    assert end is not None
    assert (mail["Subject"], mail["Auto-Submitted"]) == (SUBJECT, "auto-generated")
    for words in ("account ana ", f"{end:%Y-%m-%d %H:%M:%S} +00:00 (UTC)", "authenticator app", "helpdesk of acme"):
        assert words in text, text
    assert "://" not in text


async def test_each_user_counts_from_their_own_first_day(post: Post) -> None:
    organisation = post.organisation
    await require(organisation)
    assert await reminded(post) == ["ana", "ben", "cyd"]
    organisation.clock.forward(days=5)
    await organisation.add("late", email="late@acme.example")
    await post.wait_idle()
    assert await reminded(post, days=0.01) == ["ana", "ben", "cyd", "late"], "day 3 of some, day 0 of another"
    assert await reminded(post, days=2) == ["ana", "ben", "cyd"]
    assert await reminded(post, days=1.5) == ["late"]


async def test_service_accounts_pending_and_disabled_users_are_left_alone(post: Post) -> None:
    organisation = post.organisation
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="service account"))
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ben"))
    await require(organisation)
    assert await reminded(post) == ["cyd"]
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).must_bind_from is None
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ben"))).user.status is BindingStatus.PENDING


async def test_an_unbinding_opens_no_new_period(post: Post) -> None:
    organisation = post.organisation
    await organisation.bind("ana")
    await require(organisation, grace_days=3)
    assert await reminded(post) == ["ben", "cyd"]
    organisation.clock.forward(days=4)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    assert await reminded(post) == []
    end = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).must_bind_from
    assert end is not None
    assert end.timestamp() < organisation.clock.now, "overdue at once"


async def test_nobody_is_reminded_by_default_or_without_a_period(post: Post) -> None:
    await post.organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=GRACE))
    assert await reminded(post) == []
    await require(post.organisation, grace_days=0)
    assert await reminded(post) == []
    await post.organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, grace_days=GRACE))
    assert await reminded(post, days=1) == []


async def test_a_reminder_that_waits_is_void_once_its_user_is_bound(post: Post) -> None:
    organisation = post.organisation
    post.mailbox.at_rcpt = ["451 4.7.1 later"] * 1_000
    await require(organisation)
    assert await reminded(post) == []
    await organisation.bind("ana")
    post.mailbox.at_rcpt.clear()
    organisation.clock.forward(minutes=5)
    assert await reminded(post) == ["ben", "cyd"]
    recent = (await organisation.perform(ShowDelivery(tenant=TENANT))).recent
    outcomes = {row.login: str(row.state) for row in recent if row.purpose is Purpose.REMINDER}
    assert outcomes == {"ana": "void", "ben": "sent", "cyd": "sent"}


async def test_a_large_tenant_is_reminded_in_portions(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)
    organisation = post.organisation
    lines = tuple(NewUser(i, f"user{i}", email=f"user{i}@acme.example") for i in range(2))
    await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    await require(organisation)
    portions = [await reminded(post)]
    for _ in range(4):
        organisation.clock.forward(minutes=1)
        portions.append(await reminded(post))
    assert [len(portion) for portion in portions] == [2, 2, 1, 0, 0]
    assert sorted(login for portion in portions for login in portion) == ["ana", "ben", "cyd", "user0", "user1"]


async def test_two_processes_and_a_restart_send_each_reminder_once(post: Post) -> None:
    organisation = post.organisation
    other = await open_store(organisation.clock, organisation.place)
    try:
        await require(organisation)
        await _send_at_once(organisation, other)
        await organisation.reopen()
        await _send_at_once(organisation, other)
    finally:
        await other.close()
    got = Counter(str(mail["To"]) for mail in post.mailbox.mails if mail["Subject"] == SUBJECT)
    assert got == {f"{login}@acme.example": 1 for login in ("ana", "ben", "cyd")}


async def _send_at_once(organisation: Organisation, other: EmbeddedBackend) -> None:
    """Have two processes find the reminders due at the same time, and send them."""
    backends = (organisation.backend, other)
    organisation.clock.forward(minutes=11)
    await asyncio.gather(
        *(backend.perform(ShowPolicy(tenant=TENANT)) for backend in backends for _ in range(4)),
        *(backend.perform(SetPolicy(tenant=TENANT, grace_days=GRACE)) for backend in backends),
    )
    for backend in backends:  # the clock must not move while a mail is on its way: it would count as lost
        backend.delivery_worker.wake()
    await asyncio.gather(*(asyncio.wait_for(backend.delivery_worker.wait_idle(), 20) for backend in backends))


async def test_the_preview_says_how_many_mails_there_would_be(post: Post) -> None:
    organisation = post.organisation
    await organisation.bind("cyd")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("root",), reason="service"))
    preview = await organisation.perform(
        PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=GRACE, reminders=True)
    )
    assert (preview.reminders, preview.reminded, preview.reminder_mails) == (True, 3, 12)
    without = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    assert (without.reminders, without.reminded, without.reminder_mails) == (False, 0, 0)
    assert not (await organisation.perform(ShowPolicy(tenant=TENANT))).reminders, "nothing was set"


async def test_without_a_mail_server_nobody_is_marked_as_reminded(home: Path) -> None:
    async with organisation_in(home) as organisation:
        await organisation.add("ana", email="ana@acme.example")
        await require(organisation)
        await organisation.perform(ShowPolicy(tenant=TENANT))
        organisation.clock.forward(minutes=11)
        async with post_for(organisation) as post:
            await post.set_up()
            await require(organisation)
            assert await reminded(post) == ["ana"]


def test_sms_and_mail_have_separate_caps_from_reminders() -> None:
    """A reminder never delays a code."""
    from secconsole.domain.messages.sending import caps_of

    assert not set(caps_of(FactorKind.EMAIL, Purpose.REMINDER)) & set(caps_of(FactorKind.EMAIL, Purpose.SIGN_IN))
