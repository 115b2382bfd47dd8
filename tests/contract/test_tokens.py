"""Personal access tokens and the tenant's secret key: their use and their end."""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields
from typing import Any

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, SecconsoleError, StepUpNeeded
from secconsole.domain.limits import MOST_TOKENS
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword
from secconsole.operations.audit import AuditEntry, ListAudit, VerifyAudit
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer
from secconsole.operations.factors import RemoveFactor, VerifyCode
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.secret_keys import RotateSecretKey, ShowSecretKey
from secconsole.operations.sessions import EndOtherSessions
from secconsole.operations.signin import SignOut, WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.tenants import CreateTenant, ListTenants
from secconsole.operations.tokens import CreateToken, ListOwnTokens, ListTokens, NewToken, RevokeToken
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from secconsole.store.schema import tokens
from tests.examples import example_of
from tests.organisation import PASSWORD, TENANT, Organisation

READ, VERIFY = Scope.READ, Scope.VERIFY
BOTH = (READ, VERIFY)
ANOTHER = Secret("another quite long password 77")
SCANNED = re.compile(r"secconsole_(pat|key)_[A-Za-z0-9_-]{43}")
ROTATE = RotateSecretKey(tenant=TENANT)


async def token_of(organisation: Organisation, login: str, *scopes: Scope, days: int = 30) -> NewToken:
    """Create a token for a signed-in user."""
    session = await organisation.sign_in(login)
    return await organisation.perform(CreateToken(name="ci", scopes=scopes or (READ,), days=days), session)


async def tom_with(organisation: Organisation, *scopes: Scope, role: Role = Role.TENANT_ADMIN) -> Bearer:
    await organisation.add("tom", role)
    return Bearer((await token_of(organisation, "tom", *scopes)).token)


async def secret_key(organisation: Organisation) -> Bearer:
    return Bearer((await organisation.perform(ROTATE)).key)


async def entries(organisation: Organisation, action: str) -> tuple[AuditEntry, ...]:
    return (await organisation.perform(ListAudit(tenant=TENANT, action=action))).items


async def refusal(organisation: Organisation, operation: Operation[Any], who: Bearer) -> tuple[type, str]:
    with pytest.raises(SecconsoleError) as refused:
        await organisation.perform(operation, who)
    return type(refused.value), refused.value.message


def fields_of(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


async def test_j6_a_token_reads_as_its_owner_and_is_stored_as_a_digest(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    made = await token_of(organisation, "tom")
    assert made.scopes == (READ,)
    assert SCANNED.fullmatch(made.token.reveal())
    tom = Bearer(made.token)
    who = await organisation.perform(WhoAmI(), tom)
    assert (who.login, who.role, who.tenant, who.step_up_until) == ("tom", Role.TENANT_ADMIN, TENANT, None)
    assert len((await organisation.perform(ListUsers(tenant=TENANT), tom)).items) == 2
    kept = await asyncio.to_thread(organisation.backend.store.read(lambda c: c.execute(sa.select(tokens)).all()).result)
    assert made.token.reveal() not in str(kept)
    assert made.token.reveal() not in str(await organisation.perform(ListAudit(tenant=TENANT)))
    (entry,) = await entries(organisation, "token.created")
    assert (entry.actor, entry.target) == ("tom", "tom")
    assert (entry.details["token"], entry.details["scopes"]) == (made.id, "read")


async def test_a_token_is_listed_for_its_owner_and_for_those_who_may_see_users(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("aud", Role.AUDITOR)
    await token_of(organisation, "root")
    organisation.clock.forward(seconds=1)
    made = await token_of(organisation, "ana")
    ana, aud = Bearer(made.token), await organisation.sign_in("aud")
    (own,) = (await organisation.perform(ListOwnTokens(), ana)).items
    assert (own.id, own.owner, own.name, own.scopes, own.last_used) == (made.id, "ana", "ci", (READ,), None)
    assert own.expires == made.expires
    everybody = (await organisation.perform(ListTokens(tenant=TENANT), aud)).items
    assert [row.owner for row in everybody] == ["ana", "root"]
    assert len((await organisation.perform(ListTokens(tenant=TENANT, user="ana"), aud)).items) == 1
    first = await organisation.perform(ListTokens(tenant=TENANT, limit=1))
    second = await organisation.perform(ListTokens(tenant=TENANT, limit=1, cursor=first.next))
    assert ([*first.items, *second.items], second.next) == ([*everybody], None)
    with pytest.raises(NotAllowed):
        await organisation.perform(ListTokens(tenant=TENANT), ana)


NOT_AS_IN_EXAMPLES = {"factor.show", "alert.show", "job.show"}  # let through, and then there is none
OF_PEOPLE = {"account.rules"}  # a key has no account that it could ask about


@pytest.mark.parametrize("key", [False, True])
async def test_a24_tokens_and_keys_cannot_do_what_is_for_people(organisation: Organisation, key: bool) -> None:
    """The whole table, for users themselves, with both scopes, as a platform administrator and as a program."""
    who = await secret_key(organisation) if key else Bearer((await token_of(organisation, "root", *BOTH)).token)
    refused: set[str] = set()
    for name, kind in sorted(OPERATIONS.items()):
        if kind.spec.permission is Permission.NOBODY:
            continue
        if kind.spec.scope is None:
            assert (await refusal(organisation, example_of(name), who))[0] is NotAllowed, name
            refused |= {name} if kind.spec.writes else set()
        elif kind.spec.scope not in BOTH:
            assert (await refusal(organisation, example_of(name), who))[0] is NotAllowed, name
        elif "user" in fields_of(kind) and key and kind.spec.on_lower:
            continue  # a key ranks below root
        elif key and name in OF_PEOPLE:
            assert (await refusal(organisation, example_of(name), who))[0] is Conflict, name
        elif name in NOT_AS_IN_EXAMPLES:
            assert (await refusal(organisation, example_of(name), who))[0] is NotFound, name
        else:
            await organisation.perform(example_of(name), who)
    logged = (await organisation.perform(ListAudit(tenant=TENANT, outcome="refused", limit=500))).items
    assert {entry.action for entry in logged} >= refused
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_a24_a_token_is_not_a_step_up(organisation: Organisation) -> None:
    tom = await tom_with(organisation, *BOTH)
    await organisation.bind("tom")
    for operation in (
        StepUp(password=PASSWORD, code=organisation.code("tom")),
        CreateToken(name="another"),
        ChangePassword(password=ANOTHER),
        CreateUser(tenant=TENANT, login="evil"),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "evil"),)),
        SetPolicy(tenant=TENANT, mode=PolicyMode.OFF),
        SignOut(),
        ROTATE,
    ):
        with pytest.raises(NotAllowed, match="Tokens may not do this"):
            await organisation.perform(operation, tom)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="tom"))
    assert shown.failures == 0
    refused = (await organisation.perform(ListAudit(tenant=TENANT, outcome="refused"))).items
    assert {(entry.actor, entry.action) for entry in refused} >= {("tom", "token.create"), ("tom", "policy.set")}
    (made,) = await entries(organisation, "token.created")
    assert {entry.details["by_token"] for entry in refused} == {made.details["token"]}


async def test_a_token_is_limited_to_its_scopes(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    reader = await tom_with(organisation, READ)
    verifier = Bearer((await token_of(organisation, "tom", VERIFY)).token)
    verify = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    with pytest.raises(NotAllowed, match="needs the scope verify, and has read"):
        await organisation.perform(verify, reader)
    assert (await organisation.perform(verify, verifier)).accepted
    with pytest.raises(NotAllowed, match="needs the scope read, and has verify"):
        await organisation.perform(ListUsers(tenant=TENANT), verifier)


async def test_a_scope_is_never_more_than_the_role(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("hugo", Role.HELPDESK)
    with pytest.raises(Conflict, match="A user may not verify"):
        await token_of(organisation, "ana", VERIFY)
    own = Bearer((await token_of(organisation, "ana")).token)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"), own)).user.login == "ana"
    for operation in (ShowUser(tenant=TENANT, user="hana"), ListUsers(tenant=TENANT)):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, own)
    hana = Bearer((await token_of(organisation, "hana", *BOTH)).token)
    with pytest.raises(NotAllowed, match=r"may not act on a platform-admin.* created by a platform-admin"):
        await organisation.perform(VerifyCode(tenant=TENANT, user="root", code=Secret("123456")), hana)
    with pytest.raises(NotAllowed, match=r"may not act on a helpdesk.* created by a tenant-admin"):
        await organisation.perform(VerifyCode(tenant=TENANT, user="hugo", code=Secret("123456")), hana)


@pytest.mark.parametrize("how", ["disabled", "demoted", "import", "reset", "unbound", "factor", "ended"])
async def test_a23_a_token_ends_at_once_with_its_owners_sessions(organisation: Organisation, how: str) -> None:
    await organisation.add("hana", Role.HELPDESK)
    hana = Bearer((await token_of(organisation, "hana")).token)
    await organisation.bind("hana")
    root = await organisation.sign_in("root")
    factor = (await organisation.perform(ShowUser(tenant=TENANT, user="hana"))).factors[0].id
    act: dict[str, Operation[Any]] = {
        "disabled": DisableUser(tenant=TENANT, user="hana"),
        "demoted": ChangeRole(tenant=TENANT, user="hana", role=Role.USER),
        "import": ImportUsers(tenant=TENANT, users=(NewUser(2, "hana", role="user"),)),
        "reset": ResetPassword(tenant=TENANT, user="hana"),
        "unbound": Unbind(tenant=TENANT, users=("hana",), reason="lost"),
        "ended": EndOtherSessions(tenant=TENANT, user="hana"),
        "factor": RemoveFactor(tenant=TENANT, factor=factor),
    }
    await organisation.perform(WhoAmI(), hana)
    await organisation.perform(act[how], root)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), hana)
    if how == "disabled":
        await organisation.perform(EnableUser(tenant=TENANT, user="hana"))
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), hana)
    assert (await organisation.perform(ListTokens(tenant=TENANT))).items == ()


async def test_a_token_survives_changes_its_owner_made_after_step_up(organisation: Organisation) -> None:
    session = await organisation.sign_in("root")
    root = Bearer((await organisation.perform(CreateToken(name="ci"), session)).token)
    await organisation.perform(ChangePassword(password=ANOTHER), session)
    await organisation.perform(EndOtherSessions(tenant=TENANT, user="root"), session)
    assert (await organisation.perform(WhoAmI(), root)).login == "root"


async def test_a_token_expires_and_can_be_revoked(organisation: Organisation) -> None:
    await organisation.add("ana")
    short = Bearer((await token_of(organisation, "ana", days=1)).token)
    made = await token_of(organisation, "ana", days=2)
    organisation.clock.forward(days=1)
    with pytest.raises(NotSignedIn, match="expired"):
        await organisation.perform(WhoAmI(), short)
    long = Bearer(made.token)
    assert [row.id for row in (await organisation.perform(ListOwnTokens(), long)).items] == [made.id]
    session = await organisation.sign_in("ana")
    await organisation.perform(RevokeToken(tenant=TENANT, token=made.id), session)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), long)
    with pytest.raises(NotFound):
        await organisation.perform(RevokeToken(tenant=TENANT, token=made.id))
    (entry,) = await entries(organisation, "token.revoked")
    assert (entry.actor, entry.target, entry.details) == ("ana", "ana", {"token": made.id, "name": "ci"})


async def test_only_the_owner_and_administrators_revoke_a_token(organisation: Organisation) -> None:
    for login, role in (("ana", Role.USER), ("hana", Role.HELPDESK), ("tom", Role.TENANT_ADMIN)):
        await organisation.add(login, role)
    mine, roots = (await token_of(organisation, "ana")).id, (await token_of(organisation, "root")).id
    owners = (await organisation.perform(CreateToken(name="cron", tenant=TENANT))).id
    hana, ana, tom = [await organisation.sign_in(login) for login in ("hana", "ana", "tom")]
    for revoke, who in ((mine, hana), (roots, ana), (roots, tom), (owners, ana), ("0" * 26, ana)):
        with pytest.raises(NotAllowed):
            await organisation.perform(RevokeToken(tenant=TENANT, token=revoke), who)
    await organisation.perform(RevokeToken(tenant=TENANT, token=mine), tom)
    await organisation.perform(RevokeToken(tenant=TENANT, token=owners), tom)
    assert [row.id for row in (await organisation.perform(ListTokens(tenant=TENANT))).items] == [roots]


async def test_a12_creating_a_token_requires_step_up(organisation: Organisation) -> None:
    session = await organisation.sign_in("root")
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(CreateToken(name="ci"), session)
    session = await organisation.prove(session)
    await organisation.perform(CreateToken(name="ci"), session)


async def test_token_fields_are_bounded(organisation: Organisation) -> None:
    session = await organisation.sign_in("root")
    for operation in (
        CreateToken(name=" "),
        CreateToken(name="x" * 101),
        CreateToken(name="a\u202eb"),
        CreateToken(name="ci", days=0),
        CreateToken(name="ci", days=366),
        CreateToken(name="ci", scopes=()),
    ):
        with pytest.raises(Invalid):
            await organisation.perform(operation, session)
    with pytest.raises(Invalid):
        await organisation.perform(ListTokens(tenant=TENANT, cursor="x"), session)
    for _ in range(MOST_TOKENS):
        await organisation.perform(CreateToken(name="ci"), session)
    with pytest.raises(Conflict, match="Revoke"):
        await organisation.perform(CreateToken(name="ci"), session)


async def test_the_last_use_is_recorded_once_a_minute(organisation: Organisation) -> None:
    made = await token_of(organisation, "root")
    root = Bearer(made.token)

    async def noted() -> object:
        return (await organisation.perform(ListTokens(tenant=TENANT))).items[0].last_used

    assert await noted() is None
    await organisation.perform(WhoAmI(), root)
    first = await noted()
    assert first is not None
    organisation.clock.forward(seconds=59)
    await organisation.perform(WhoAmI(), root)
    assert await noted() == first
    organisation.clock.forward(seconds=2)
    await organisation.perform(WhoAmI(), root)
    assert await noted() not in (first, None)


async def test_the_store_owner_may_have_tokens_in_a_tenant(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta"))
    with pytest.raises(Invalid, match="Name the tenant"):
        await organisation.perform(CreateToken(name="cron"))
    made = await organisation.perform(CreateToken(name="cron", scopes=BOTH, tenant=TENANT))
    cron = Bearer(made.token)
    who = await organisation.perform(WhoAmI(), cron)
    assert (who.id, who.login.partition(":")[0], who.tenant) == ("", "local", TENANT)
    assert [tenant.name for tenant in (await organisation.perform(ListTenants(), cron)).items] == [TENANT]
    assert (await refusal(organisation, ListUsers(tenant="beta"), cron))[0] is NotFound
    assert [row.id for row in (await organisation.perform(ListOwnTokens())).items] == [made.id]
    assert [row.id for row in (await organisation.perform(ListOwnTokens(), cron)).items] == [made.id]


async def test_a_token_belongs_to_its_owners_tenant(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta"))
    with pytest.raises(Conflict, match="tenant"):
        await organisation.perform(CreateToken(name="ci", tenant="beta"), await organisation.sign_in("root"))


async def test_q2_a_secret_key_checks_codes_and_reads(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    made = await organisation.perform(ROTATE, await organisation.sign_in("tom"))
    await organisation.bind("tom")
    assert SCANNED.fullmatch(made.key.reveal())
    key = Bearer(made.key)
    who = await organisation.perform(WhoAmI(), key)
    assert (who.id, who.login, who.tenant) == ("", f"key:{made.id}", TENANT)
    code = organisation.code("tom")
    assert (await organisation.perform(VerifyCode(tenant=TENANT, user="tom", code=code), key)).accepted
    assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="tom", code=code), key)).accepted
    assert (await entries(organisation, "verify"))[0].actor == f"key:{made.id}"
    with pytest.raises(NotAllowed, match=r"secret key ranks as a tenant-admin.* token .* created by a platform-admin"):
        await organisation.perform(VerifyCode(tenant=TENANT, user="root", code=Secret("123456")), key)
    assert len((await organisation.perform(ListUsers(tenant=TENANT), key)).items) == 2
    assert (await organisation.perform(ListOwnTokens(), key)).items == ()
    shown = await organisation.perform(ShowSecretKey(tenant=TENANT))
    assert (shown.id, shown.previous_id) == (made.id, None)
    assert shown.last_used is not None
    assert (await organisation.perform(ListTokens(tenant=TENANT))).items == ()
    with pytest.raises(NotFound):
        await organisation.perform(RevokeToken(tenant=TENANT, token=made.id))
    everything = str(await organisation.perform(ListAudit(tenant=TENANT, limit=500)))
    assert made.key.reveal() not in everything


async def test_a14_a_secret_key_learns_nothing_of_another_tenant(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta"))
    await organisation.perform(CreateUser(tenant="beta", login="bea"))
    key = await secret_key(organisation)
    assert [tenant.name for tenant in (await organisation.perform(ListTenants(), key)).items] == [TENANT]
    for name, kind in sorted(OPERATIONS.items()):
        if kind.spec.scope not in BOTH or "tenant" not in fields_of(kind):
            continue
        there, nowhere = [
            await refusal(organisation, example_of(name, tenant=tenant), key) for tenant in ("beta", "nowhere")
        ]
        assert there == nowhere == (NotFound, "There is no such tenant."), name


async def test_q3_a_secret_key_is_rotated_at_once_or_with_an_overlap(organisation: Organisation) -> None:
    first = await secret_key(organisation)
    second = await secret_key(organisation)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), first)
    made = await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=2))
    third = Bearer(made.key)
    assert made.previous_until is not None
    for key in (second, third):
        await organisation.perform(ShowPolicy(tenant=TENANT), key)
    shown = await organisation.perform(ShowSecretKey(tenant=TENANT))
    assert (shown.id, shown.previous_id, shown.previous_until) == (made.id, made.previous_id, made.previous_until)
    fourth = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=3))).key)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), second)
    await organisation.perform(WhoAmI(), third)
    organisation.clock.forward(minutes=180)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), third)
    await organisation.perform(WhoAmI(), fourth)
    for hours in (-1, 73):
        with pytest.raises(Invalid):
            await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=hours))


async def test_rotating_the_secret_key_requires_an_administrator_and_step_up(organisation: Organisation) -> None:
    await organisation.add("hana", Role.HELPDESK)
    with pytest.raises(NotAllowed):
        await organisation.perform(ROTATE, await organisation.sign_in("hana"))
    root = await organisation.sign_in("root")
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(ROTATE, root)
    shown = await organisation.perform(ShowSecretKey(tenant=TENANT))
    assert (shown.id, shown.created, shown.last_used, shown.previous_id) == (None, None, None, None)


@pytest.mark.parametrize("text", ["secconsole_pat_", "secconsole_key_", "secconsole_pat_" + "A" * 43])
async def test_a_lookalike_token_is_refused(organisation: Organisation, text: str) -> None:
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), Bearer(Secret(text)))
    await secret_key(organisation)
    with pytest.raises(NotSignedIn):
        await organisation.perform(CreateToken(name="x"), Bearer(Secret(text)))
