"""`policy explain` agrees with the sign-in."""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass
from itertools import product

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Invalid, NotAllowed, NotFound
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FOREVER
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import ExplainSignIn, Explanation, SetPolicy
from secconsole.operations.signin import ChoosePassword
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.store.schema import audit, users
from tests.organisation import PASSWORD, TENANT, Organisation

SAMPLE = 60  # cases of a run, of 3,072


@dataclass(frozen=True)
class Case:
    policy: PolicyMode
    in_grace: bool
    has_password: bool
    disabled: bool
    held: bool
    must_reset: bool
    bound: bool
    whitelisted: bool
    keeps_factor: bool
    switched_on: bool
    platform_admin: bool


EVERY = [Case(policy, *flags) for policy in PolicyMode for flags in product((False, True), repeat=10)]


def some_cases() -> list[Case]:
    """Of all cases those that come far enough into the table to differ, and a few that do not."""
    chance = random.Random(6)  # the same cases in every run
    far = [c for c in EVERY if c.has_password and not c.disabled and not c.held]
    near = [c for c in EVERY if c not in far]
    return chance.sample(far, SAMPLE - 10) + chance.sample(near, 10)


async def explained(organisation: Organisation, user: str = "ana", address: str = "") -> Explanation:
    return await organisation.perform(ExplainSignIn(tenant=TENANT, user=user, address=address))


async def set_up(organisation: Organisation, case: Case, login: str, template: str) -> None:
    """Create a user as the case describes, and set the tenant's policy."""
    await organisation.perform(CreateUser(tenant=TENANT, login=login, password=PASSWORD if case.has_password else None))
    if case.bound:
        await organisation.bind(login)
    if case.whitelisted:
        await organisation.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=template))
    facts = {
        "disabled": case.disabled,
        "must_reset": case.must_reset,
        "keeps_factor": case.keeps_factor,
        "switched_on": case.switched_on,
        "role": Role.PLATFORM_ADMIN if case.platform_admin else Role.USER,
        "locked_until": FOREVER if case.held else 0,
    }
    if not case.in_grace:
        facts["created"] = 1
    change = sa.update(users).where(users.c.login == login).values(facts)
    await asyncio.to_thread(organisation.backend.store.write(lambda c: c.execute(change)).result)


async def rule_in_audit(organisation: Organisation) -> str:
    query = sa.select(audit.c.details).where(audit.c.action == "sign-in").order_by(audit.c.seq.desc()).limit(1)
    found = await asyncio.to_thread(organisation.backend.store.read(lambda c: c.execute(query).scalar_one()).result)
    return str(json.loads(found)["rule"])


async def test_explain_matches_the_sign_in(organisation: Organisation) -> None:
    cases = sorted(some_cases(), key=lambda case: (case.policy, case.in_grace))
    set_to: tuple[PolicyMode, bool] | None = None
    seen: set[Rule] = set()
    for number, case in enumerate(cases):
        if set_to != (case.policy, case.in_grace):
            set_to = (case.policy, case.in_grace)
            await organisation.perform(SetPolicy(tenant=TENANT, mode=case.policy, grace_days=7))
            organisation.clock.forward(days=0 if case.in_grace else 8)
        login = f"user{number}"
        await set_up(organisation, case, login, "an example")
        answer = await explained(organisation, login)
        done = await organisation.start(login)
        assert (answer.outcome, answer.rule) == (done.status, await rule_in_audit(organisation)), case
        assert answer.remind == bool(done.message and done.status is SignInStatus.COMPLETE) or answer.then_rule, case
        if done.status is SignInStatus.NEW_PASSWORD:
            assert done.challenge is not None
            choose = ChoosePassword(challenge=done.challenge, password=Secret("seven other quite long words"))
            done = await organisation.perform(choose, Nobody())
            assert (answer.then_outcome, answer.then_rule) == (done.status, await rule_in_audit(organisation)), case
        else:
            assert (answer.then_outcome, answer.then_rule) == (None, None)
        assert answer.because
        seen |= {answer.rule, answer.then_rule or answer.rule}
    elsewhere = {Rule.NETWORK, Rule.EXEMPT_NETWORK, Rule.FROZEN}  # see test_networks.py and test_incident.py
    assert seen == set(Rule) - elsewhere


async def test_explain_names_the_rule(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await explained(organisation, address=" 203.0.113.9 ")
    assert (answer.outcome, answer.rule, answer.address) == (SignInStatus.SECOND_FACTOR, Rule.HAS_FACTOR, "203.0.113.9")
    assert answer.message == "Asked for the second factor."
    assert answer.because == ("The policy is required.", "A factor is bound: totp.")
    assert answer.facts.active_factor
    for _ in range(5):
        await organisation.start("ana", Secret("wrong"))
    answer = await explained(organisation)
    assert (answer.outcome, answer.rule) == (SignInStatus.REFUSED, Rule.REFUSED)
    assert re.fullmatch(r"Wrong entries delay sign-ins until 20\S+ \d\d:\d\d:\d\d UTC\.", answer.because[0])


async def test_explain_puts_a_password_reset_first(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await explained(organisation)
    assert (answer.outcome, answer.then_outcome) == (SignInStatus.NEW_PASSWORD, SignInStatus.ENROLL)
    assert answer.message.endswith("After that: let in only after binding a factor.")


async def test_explain_has_no_side_effects(organisation: Organisation) -> None:
    await organisation.add("ana")
    before = await organisation.perform(ListAudit(tenant=TENANT))
    for _ in range(10):
        await explained(organisation)
    assert await organisation.perform(ListAudit(tenant=TENANT)) == before
    assert not (await explained(organisation)).facts.held_back


async def test_which_callers_may_ask_about_which_users(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("alan", Role.AUDITOR)
    question = ExplainSignIn(tenant=TENANT, user="ana")
    with pytest.raises(NotAllowed):
        await organisation.perform(question, await organisation.sign_in("ana"))
    assert (await organisation.perform(question, await organisation.sign_in("alan"))).login == "ana"
    with pytest.raises(NotFound):
        await explained(organisation, "nobody")
    for address in ("somewhere", "203.0.113.256", "203.0.113.0/24"):
        with pytest.raises(Invalid):
            await explained(organisation, address=address)
