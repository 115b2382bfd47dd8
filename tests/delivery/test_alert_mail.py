"""Mail about alerts: to administrators with an address, once for each alert, and a limited number in an hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from secconsole.domain.audit.alert_rules import AlertRule
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.alerts import SetAlertRule
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.signin import SignIn
from secconsole.operations.user_changes import DisableUser
from secconsole.service.alerts.raising import MOST_MAILED
from tests.delivery.post import Post, post_for
from tests.organisation import TENANT, organisation_in


@pytest_asyncio.fixture
async def post(home: Path) -> AsyncIterator[Post]:
    """Set up with two administrators who have an address, and one who is disabled."""
    async with organisation_in(home) as organisation, post_for(organisation) as made:
        await made.set_up()
        for login in ("tina", "tom", "theo"):
            await organisation.add(login, Role.TENANT_ADMIN, email=f"{login}@acme.example")
        await organisation.add("hana", Role.HELPDESK, email="hana@acme.example")
        await organisation.perform(DisableUser(tenant=TENANT, user="theo", reason="left"))
        rule = SetAlertRule(tenant=TENANT, rule=AlertRule.MANY_FAILURES, threshold=3)
        await organisation.perform(rule)
        await made.wait_idle()
        yield made


async def guess(post: Post, *logins: str) -> None:
    """Enter three wrong passwords for each user, and apply the rules."""
    organisation = post.organisation
    for _ in range(3):
        for login in logins:
            wrong = SignIn(tenant=TENANT, login=login, password=Secret("not the password"))
            await organisation.backend.perform_as(wrong, Nobody(), Source("api", "203.0.113.7"))
        organisation.clock.forward(minutes=2)
    await organisation.backend.alert_worker.sweep()
    await post.wait_idle()


def about_alerts(post: Post) -> list[tuple[str, str]]:
    """Return recipient and subject of each mail about an alert."""
    found = [(mail["To"], mail["Subject"]) for mail in post.mailbox.mails]
    return sorted((str(to), str(subject)) for to, subject in found if "Suspicious" in str(subject))


async def test_administrators_are_mailed_once_for_an_alert(post: Post) -> None:
    await post.organisation.add("ana")
    before = len(about_alerts(post))
    assert before == 0
    await guess(post, "ana")
    subject = "Suspicious activity at acme: many-failures"
    assert about_alerts(post) == [("tina@acme.example", subject), ("tom@acme.example", subject)]
    text = post.mailbox.text()
    assert "3 wrong entries for ana within 30 min" in text
    assert "secconsole alert show" in text
    await guess(post, "ana")
    assert len(about_alerts(post)) == 2


async def test_mails_of_an_hour_are_limited_and_the_last_one_says_so(post: Post) -> None:
    logins = [f"user{number}" for number in range(MOST_MAILED + 2)]
    for login in logins:
        await post.organisation.add(login)
    await guess(post, *logins)
    assert len(about_alerts(post)) == 2 * MOST_MAILED
    texts = [mail.get_content() for mail in post.mailbox.mails]
    assert sum("Further alerts of this hour are not mailed" in text for text in texts) == 2
