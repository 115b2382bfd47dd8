"""Password-only sessions end when a factor becomes required, and tokens do not outlive a role.

A12, A23.
"""

from __future__ import annotations

from typing import Any

import pytest

from secconsole.domain.errors import Conflict, NotSignedIn
from secconsole.domain.impact import is_asked_now
from secconsole.domain.model import BindingStatus, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.operations.account import KeepFactor
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer
from secconsole.operations.policy import ExplainSignIn, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, RequireMfa
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ShowUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.unit.test_impact import every_group

WHY = "a good reason"


async def is_open(organisation: Organisation, who: Bearer) -> bool:
    try:
        await organisation.perform(WhoAmI(), who)
    except NotSignedIn:
        return False
    return True


async def start_at(organisation: Organisation, mode: PolicyMode) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=mode, whitelist_admins=False))


async def token_of(organisation: Organisation, who: Bearer) -> Bearer:
    return Bearer((await organisation.perform(CreateToken(name="ci"), who)).token)


@pytest.mark.parametrize("before", [PolicyMode.OFF, PolicyMode.OPTIONAL])
async def test_requiring_mfa_ends_password_sessions(organisation: Organisation, before: PolicyMode) -> None:
    await start_at(organisation, before)
    for login in ("ana", "bob", "cyd"):
        await organisation.add(login)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("cyd",), reason=WHY))
    ana, cyd = await organisation.sign_in("ana"), await organisation.sign_in("cyd")
    await organisation.bind("bob")
    await start_at(organisation, PolicyMode.OPTIONAL)
    bob = await organisation.sign_in("bob")
    seen = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    assert seen.sessions == 1
    root = await organisation.sign_in("root")
    mine = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), root)
    spared = before is PolicyMode.OPTIONAL  # the first switch puts the platform administrators on the whitelist
    assert (mine.sessions, mine.you.by_password) == (1, not spared)
    done = await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), root)
    assert done.sessions_ended == 1
    assert [await is_open(organisation, who) for who in (ana, bob, cyd, root)] == [False, True, True, True]
    assert (await organisation.perform(ShowPolicy(tenant=TENANT))).sessions_ended == 0


async def test_the_session_that_requires_mfa_stays_open_and_is_reported(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    tom, other = await organisation.sign_in("tom"), await organisation.sign_in("tom")
    seen = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), tom)
    assert (seen.sessions, seen.you.by_password) == (1, True)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), tom)
    assert [await is_open(organisation, who) for who in (tom, other)] == [True, False]


async def test_sessions_are_kept_on_request(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    kept = await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, keep_sessions=True))
    assert kept.sessions_ended == 0
    assert await is_open(organisation, ana)


async def test_the_grace_period_keeps_sessions(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=7))
    assert await is_open(organisation, ana)
    ended = await organisation.perform(SetPolicy(tenant=TENANT, grace_days=0))
    assert ended.sessions_ended == 1


async def test_requiring_mfa_of_one_user_ends_their_sessions(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).password_sessions == 1
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", keep_sessions=True))
    assert await is_open(organisation, ana)
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=False))
    changed = await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    assert changed.sessions_ended == 1
    assert not await is_open(organisation, ana)


async def test_b7_tokens_of_password_sessions_end_with_them(organisation: Organisation) -> None:
    """Those of people who showed a factor for them stay, and so do those of the administrator who requires it."""
    await organisation.add("tom", Role.TENANT_ADMIN)
    for login in ("ana", "bob", "cyd"):
        await organisation.add(login)
    await organisation.bind("bob")
    signed_in = {login: await organisation.sign_in(login) for login in ("ana", "bob", "cyd", "tom")}
    tokens = {login: await token_of(organisation, bearer) for login, bearer in signed_in.items()}
    tom = signed_in["tom"]
    organisation.clock.forward(seconds=30)
    await organisation.bind("cyd")  # only after the token was made
    seen = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), tom)
    assert (seen.sessions, seen.tokens) == (2, 2)
    kept = await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, keep_sessions=True), tom)
    assert kept.tokens_ended == 0
    assert all([await is_open(organisation, token) for token in tokens.values()])
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, keep_sessions=True), tom)
    done = await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED), tom)
    assert (done.sessions_ended, done.tokens_ended) == (2, 2)
    assert [login for login, token in tokens.items() if await is_open(organisation, token)] == ["bob", "tom"]
    (entry, *_) = (await organisation.perform(ListAudit(tenant=TENANT, action="policy.set"))).items
    assert entry.details["tokens_ended"] == 2


async def test_b7_a_token_created_with_a_replaced_phone_stays_valid(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    token = await token_of(organisation, await organisation.sign_in("ana"))
    (old,) = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).factors
    organisation.clock.forward(seconds=30)
    await organisation.bind("ana")
    (new,) = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).factors
    assert new.id != old.id
    changed = await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    assert changed.tokens_ended == 0
    assert await is_open(organisation, token)


async def test_b7_requiring_mfa_of_one_user_ends_their_tokens(organisation: Organisation) -> None:
    await organisation.add("ana")
    token = await token_of(organisation, await organisation.sign_in("ana"))
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", keep_sessions=True))
    assert await is_open(organisation, token)
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=False))
    changed = await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    assert (changed.sessions_ended, changed.tokens_ended) == (1, 1)
    assert not await is_open(organisation, token)


async def test_leaving_the_whitelist_ends_its_password_sessions(organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    for login in ("ana", "bob"):
        await organisation.add(login)
        await organisation.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=WHY))
    ana, bob = await organisation.sign_in("ana"), await organisation.sign_in("bob")
    removed = await organisation.perform(RemoveFromWhitelist(tenant=TENANT, users=("ana",)))
    assert removed.sessions_ended == 1
    await organisation.perform(RemoveFromWhitelist(tenant=TENANT, users=("bob",), keep_sessions=True))
    assert [await is_open(organisation, who) for who in (ana, bob)] == [False, True]


async def test_keeping_the_factor_ends_other_sessions(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason=WHY))
    ana, other = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    ana = await organisation.prove(ana, organisation.code("ana"))
    await organisation.perform(KeepFactor(), ana)
    assert [await is_open(organisation, who) for who in (ana, other)] == [True, False]


async def test_a_later_step_up_by_factor_counts_for_the_session(organisation: Organisation) -> None:
    await start_at(organisation, PolicyMode.OFF)
    await organisation.add("ana")
    await organisation.bind("ana")
    proved, bare = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    organisation.clock.forward(seconds=30)
    proved = await organisation.prove(proved, organisation.code("ana"))
    shown = await organisation.perform(ListSessions(tenant=TENANT, user="ana"))
    assert sorted(session.factor for session in shown.items) == ["", "totp"]
    await start_at(organisation, PolicyMode.OPTIONAL)
    assert [await is_open(organisation, who) for who in (proved, bare)] == [True, False]


@pytest.mark.parametrize(("before", "after"), [(Role.USER, Role.HELPDESK), (Role.TENANT_ADMIN, Role.AUDITOR)])
async def test_a23_no_session_and_no_token_outlives_a_role(
    organisation: Organisation, before: Role, after: Role
) -> None:
    changes: list[Operation[Any]] = [
        ChangeRole(tenant=TENANT, user="ana", role=after),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", role=before),)),
    ]
    await organisation.add("ana", before)
    for change in changes:
        ana = await organisation.sign_in("ana")
        token = await token_of(organisation, ana)
        await organisation.perform(change)
        assert [await is_open(organisation, who) for who in (ana, token)] == [False, False]


async def test_undo_ends_sessions_opened_since_the_unbinding(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    thief = await organisation.sign_in("ana")
    token = await token_of(organisation, thief)
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert (undone.sessions_ended, undone.tokens_ended) == (1, 1)
    assert [await is_open(organisation, who) for who in (thief, token)] == [False, False]
    assert (await organisation.start("ana")).status is SignInStatus.SECOND_FACTOR


async def test_new_tenants_start_optional(organisation: Organisation) -> None:
    assert (await organisation.perform(ShowPolicy(tenant=TENANT))).policy is PolicyMode.OPTIONAL
    made = await organisation.perform(CreateTenant(name="other", admin="bea", password=PASSWORD))
    assert made.policy is PolicyMode.OPTIONAL


async def test_requiring_mfa_of_one_user_is_refused_while_the_policy_is_off(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    seen = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    assert seen.impact.no_longer_required == 1
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    await organisation.add("bob")
    with pytest.raises(Conflict, match="off"):
        await organisation.perform(RequireMfa(tenant=TENANT, user="bob"))
    explained = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana"))
    assert any("has no effect" in words for words in explained.because)
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=False))


def test_the_grace_period_asks_no_more_than_optional() -> None:
    for group in every_group():
        lenient = is_asked_now(group, PolicyMode.REQUIRED, in_grace=True)
        assert lenient == is_asked_now(group, PolicyMode.OPTIONAL, in_grace=False)
        if group.status is BindingStatus.UNBOUND:
            assert not is_asked_now(group, PolicyMode.REQUIRED, in_grace=False, exempt=True)
