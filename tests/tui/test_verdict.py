"""One verdict: `h`, the pane and `policy explain` say the same of every user, in the same words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.policy import Rule
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.incident import FreezeSignIns
from secconsole.operations.networks import AddNetwork
from secconsole.operations.policy import ExplainSignIn, Explanation, SetPolicy
from secconsole.operations.users import ShowUser
from secconsole.store.schema import users
from secconsole.tui.screens.users.explain import WhatIfDialog, explain
from secconsole.tui.widgets.user_detail import UserPane
from tests.contract.test_policy_explain import set_up, some_cases
from tests.tui.conftest import TENANT, OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import on, opened


async def written(organisation: Organisation, login: str, **facts: Any) -> None:
    change = sa.update(users).where(users.c.login == login).values(facts)
    await asyncio.to_thread(organisation.owner.store.write(lambda c: c.execute(change)).result)


async def explained(organisation: Organisation, login: str) -> Explanation:
    """Return the explanation of a user, once it is the same everywhere."""
    explanation = await organisation.perform(ExplainSignIn(tenant=TENANT, user=login))
    detail = await organisation.perform(ShowUser(tenant=TENANT, user=login))
    assert detail.sign_in is not None
    assert replace(detail.sign_in, at=explanation.at) == explanation
    words = explain(detail, explanation, organisation.clock.at(), utf8=True).text.plain.split("\n")
    at = words.index(f"If {login} signs in now")
    assert words[at + 1 :] == [
        *(f"  {line}" for line in explanation.verdict),
        "",
        "What to tell the caller",
        *(f"  {line}" for line in explanation.tell),
    ]
    pane = [part for part in UserPane()._sign_in(detail) if isinstance(part, str) and part]
    assert [line.strip() for line in pane] == list(explanation.verdict)
    agrees(explanation)
    return explanation


def agrees(explanation: Explanation) -> None:
    """Fail if the words for the caller say something else than the decision."""
    answer = " ".join(explanation.tell)
    last = explanation.then_outcome or explanation.outcome
    assert answer, explanation
    assert ("the password is enough" in answer.lower()) == (last is SignInStatus.COMPLETE), explanation
    assert ("scan the QR code" in answer) == (last is SignInStatus.ENROLL), explanation
    assert ("asked for a new one" in answer) == (explanation.outcome is SignInStatus.NEW_PASSWORD), explanation
    if explanation.outcome is SignInStatus.REFUSED:
        assert "recovery code" not in answer, explanation


async def test_h_says_of_each_odd_user_what_policy_explain_says(organisation: Organisation) -> None:
    cases = sorted(some_cases(), key=lambda case: (case.policy, case.in_grace))[::2]
    set_to: tuple[PolicyMode, bool] | None = None
    for number, case in enumerate(cases):
        if set_to != (case.policy, case.in_grace):
            set_to = (case.policy, case.in_grace)
            await organisation.perform(SetPolicy(tenant=TENANT, mode=case.policy, grace_days=7))
            organisation.clock.forward(0 if case.in_grace else 8 * 86_400)
        login = f"user{number}"
        await set_up(organisation, case, login, "an example")  # type: ignore[arg-type]
        await explained(organisation, login)
    now = round(organisation.clock.now * 1000)
    await written(organisation, "nina", password_until=now + 60_000, must_reset=True)
    assert "first-time password that was mailed" in (await explained(organisation, "nina")).tell[0]
    await written(organisation, "nina", password_until=now - 1)
    expired = await explained(organisation, "nina")
    assert (expired.rule, expired.tell[0][:36]) == (Rule.REFUSED, "Your first-time password has expired")
    await organisation.perform(SetPolicy(tenant=TENANT, kinds=tuple(FactorKind), mode=PolicyMode.OPTIONAL))
    await organisation.perform(EnrollFactor(tenant=TENANT, user="newton", kind=FactorKind.SMS, address="+447700900113"))
    await written(organisation, "newton", switched_on=True)
    assert "A code is sent to ••• 113 on request." in " ".join((await explained(organisation, "newton")).tell)
    await organisation.perform(FreezeSignIns(tenant=TENANT, reason="a breach"))
    assert (await explained(organisation, "uma")).rule is Rule.FROZEN
    assert (await explained(organisation, "root")).rule is Rule.PLATFORM_ADMIN


async def test_a_sign_in_from_an_address_can_be_tried(console: OpenConsole, organisation: Organisation) -> None:
    await organisation.perform(AddNetwork(tenant=TENANT, network="203.0.113.0/24", note="office"))
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24)) as pilot:
        place = await opened(app, pilot)
        await on(pilot, place, "bob")
        await pilot.press("W")
        await until(pilot, lambda: isinstance(app.screen, WhatIfDialog))
        assert "If bob signs in now" in screen_text(app)
        await pilot.press(*"198.51.100.7", "enter")
        await until(pilot, lambda: "signs in now, from 198.51.100.7" in screen_text(app))
        assert "Sign in from a network that your organisation allows." in screen_text(app)
        await pilot.press("ctrl+u", *"203.0.113.9", "enter")
        await until(pilot, lambda: "signs in now, from 203.0.113.9" in screen_text(app))
        assert "Asked for the second factor." in screen_text(app)
        await pilot.press(*"x", "enter")
        await until(pilot, lambda: "not an IP address" in screen_text(app))
        await settled(pilot)
        await pilot.press("escape", "escape")  # the first asks, since an address is typed
        await until(pilot, lambda: app.screen is place)
