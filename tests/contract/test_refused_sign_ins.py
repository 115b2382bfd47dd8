"""Guessing does not fill the audit: one entry at once, and one for the rest of a minute, by origin.

Known and unknown logins alike (A19): the replies are the same, and both are counted.
"""

from __future__ import annotations

from collections import Counter

import pytest

from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit, VerifyAudit
from secconsole.operations.caller import Nobody, Source
from secconsole.operations.signin import SignIn
from secconsole.service.factors import refusals
from tests.organisation import PASSWORD, TENANT, Organisation

WRONG = Secret("wrong, of course")


async def guess(organisation: Organisation, login: str, address: str = "192.0.2.1", times: int = 1) -> None:
    for _ in range(times):
        operation = SignIn(tenant=TENANT, login=login, password=WRONG)
        answer = await organisation.backend.perform_as(operation, Nobody(), Source("api", address))
        assert answer.status is SignInStatus.REFUSED


async def entries(organisation: Organisation) -> list[AuditEntry]:
    """Refused sign-ins, the oldest first."""
    page = await organisation.perform(ListAudit(tenant=TENANT, action="sign-in", outcome="refused", limit=500))
    return list(reversed(page.items))


def facts(entry: AuditEntry) -> tuple[str, str, str, object]:
    return entry.actor, entry.target, entry.address, entry.details.get("attempts")


async def test_a_thousand_unknown_logins_are_two_entries(organisation: Organisation) -> None:
    for number in range(100):
        await guess(organisation, f"nobody{number}")
    (first,) = await entries(organisation)
    assert facts(first) == ("(unknown login)", "", "192.0.2.1", None)
    organisation.clock.forward(minutes=1)
    first, rest = await entries(organisation)
    assert facts(rest) == ("(unknown login)", "", "192.0.2.1", 99)
    assert rest.channel == "api"
    assert rest.details["since"] == first.at.isoformat()
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole
    organisation.clock.forward(minutes=5)
    assert len(await entries(organisation)) == 2


@pytest.mark.alike
async def test_one_guess_is_one_entry(organisation: Organisation) -> None:
    await guess(organisation, "nobody")
    organisation.clock.forward(minutes=2)
    assert [facts(entry)[3] for entry in await entries(organisation)] == [None]
    await guess(organisation, "nobody")
    assert [facts(entry)[3] for entry in await entries(organisation)] == [None, None]


async def test_each_account_is_listed_with_its_count(organisation: Organisation) -> None:
    """An auditor needs to know which accounts were tried, from where, and how often."""
    for login in ("ana", "ben"):
        await organisation.add(login)
        await guess(organisation, login, times=7)
    await guess(organisation, "ana", "198.51.100.7", times=3)
    organisation.clock.forward(minutes=1)
    counted: Counter[tuple[str, str]] = Counter()
    for entry in await entries(organisation):
        assert entry.actor == entry.target
        assert entry.details["rule"] == "refused"
        counted[entry.target, entry.address] += int(entry.details.get("attempts") or 1)
    assert counted == {("ana", "192.0.2.1"): 7, ("ben", "192.0.2.1"): 7, ("ana", "198.51.100.7"): 3}
    assert len(await entries(organisation)) == 6


@pytest.mark.alike
async def test_addresses_of_one_ipv6_network_are_one_origin(organisation: Organisation) -> None:
    for host in range(1, 20):
        await guess(organisation, "nobody", f"2001:db8::{host:x}")
    organisation.clock.forward(minutes=1)
    assert [facts(entry)[2:] for entry in await entries(organisation)] == [
        ("2001:db8::1", None),
        ("2001:db8::/64", 18),
    ]


async def test_audit_growth_is_bounded_for_any_number_of_addresses(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_ORIGINS", 5)
    await organisation.add("ana")
    for number in range(40):
        await guess(organisation, "ana" if number % 2 else "nobody", f"198.51.100.{number}")
    organisation.clock.forward(minutes=1)
    found = await entries(organisation)
    assert len(found) == 5 + 2
    assert facts(found[-1]) == ("(unknown login)", "", "(many addresses)", 34)


async def test_counts_survive_a_restart(organisation: Organisation) -> None:
    await guess(organisation, "nobody", times=5)
    await organisation.reopen()
    await guess(organisation, "nobody", times=5)
    organisation.clock.forward(minutes=1)
    assert [facts(entry)[3] for entry in await entries(organisation)] == [None, 9]


@pytest.mark.alike
async def test_a_guess_after_a_minute_starts_a_new_entry(organisation: Organisation) -> None:
    await guess(organisation, "nobody", times=3)
    organisation.clock.forward(minutes=3)
    await guess(organisation, "nobody", times=3)
    organisation.clock.forward(minutes=3)
    assert [facts(entry)[3] for entry in await entries(organisation)] == [None, 2, None, 2]


@pytest.mark.alike
async def test_a_clock_set_back_starts_a_new_entry(organisation: Organisation) -> None:
    await guess(organisation, "nobody", times=3)
    organisation.clock.forward(days=-30)
    await guess(organisation, "nobody", times=3)
    assert Counter(facts(entry)[3] for entry in await entries(organisation)) == {None: 2, 2: 1}


async def test_a19_known_and_unknown_logins_get_the_same_reply(organisation: Organisation) -> None:
    await organisation.add("ana")
    replies = []
    for login in ("ana", "nobody"):
        operation = SignIn(tenant=TENANT, login=login, password=WRONG)
        source = Source("api", f"192.0.2.{len(replies)}")
        replies.append([await organisation.backend.perform_as(operation, Nobody(), source) for _ in range(8)])
    assert replies[0] == replies[1]
    right = SignIn(tenant=TENANT, login="root", password=PASSWORD)
    assert (await organisation.backend.perform_as(right, Nobody(), Source())).status is SignInStatus.COMPLETE
