"""Allowed networks: sign-ins, sessions and tokens from elsewhere, and changes that shut out their author."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from secconsole.domain import limits
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Unfit, WrongNetwork
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.networks.network_rules import Ground
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, IdempotencyKey, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.networks import (
    AddNetwork,
    AllowedNetwork,
    CheckNetwork,
    ConfirmNetworks,
    ListNetworks,
    NetworkChange,
    NetworkList,
    PreviewNetwork,
    RemoveNetwork,
    RevertNetworks,
)
from secconsole.operations.policy import ExplainSignIn, SetPolicy, ShowPolicy
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignIn, SignInAnswer, SignOut, VerifySignIn, WhoAmI
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken
from secconsole.operations.users import ListUsers
from secconsole.store.tenants import tenant_by_name
from tests.organisation import PASSWORD, TENANT, Organisation

R = TypeVar("R")

OFFICE, INSIDE, OUTSIDE = "10.0.0.0/8", "10.1.2.3", "198.51.100.7"
WRONG = Secret("a wrong password")
MINUTES = 60


async def ask(
    organisation: Organisation, operation: Operation[R], who: Credential, address: str, *, relayed: bool = False
) -> R:
    """Perform an operation as it reaches a server from an address."""
    return await organisation.backend.perform_as(operation, who, Source("api", address, relayed=relayed))


async def start(
    organisation: Organisation, login: str, address: str, password: Secret[str] = PASSWORD, *, relayed: bool = False
) -> SignInAnswer:
    operation = SignIn(tenant=TENANT, login=login, password=password)
    return await ask(organisation, operation, Nobody(), address, relayed=relayed)


async def session(organisation: Organisation, login: str, address: str = OUTSIDE) -> Bearer:
    answer = await start(organisation, login, address)
    assert answer.token is not None, answer
    return Bearer(answer.token)


async def allow(organisation: Organisation, network: str = OFFICE, **options: object) -> NetworkChange:
    """Allow a network as the owner of the store, whom no rule concerns."""
    return await organisation.perform(AddNetwork(tenant=TENANT, network=network, **options))  # type: ignore[arg-type]


async def listed(organisation: Organisation) -> NetworkList:
    return await organisation.perform(ListNetworks(tenant=TENANT))


async def entries(organisation: Organisation, action: str) -> list[AuditEntry]:
    return list((await organisation.perform(ListAudit(tenant=TENANT, action=action))).items)


async def test_a26_a_sign_in_from_elsewhere_is_refused_like_a_wrong_password(organisation: Organisation) -> None:
    await organisation.add("ana")
    assert (await start(organisation, "ana", OUTSIDE)).status is SignInStatus.COMPLETE
    await allow(organisation, note="office")
    (entry,) = await entries(organisation, "network.added")
    assert (entry.actor, entry.reason, entry.details["network"]) == ("local:jane", "10.0.0.0/8, office", OFFICE)
    organisation.clock.forward(minutes=2)
    refused = await start(organisation, "ana", OUTSIDE)
    assert refused == await start(organisation, "ghost", OUTSIDE, WRONG)
    assert refused.status is SignInStatus.REFUSED
    (entry,) = (e for e in await entries(organisation, "sign-in") if e.details.get("rule") == Rule.NETWORK)
    assert (entry.outcome, entry.target, entry.address) == ("refused", "ana", OUTSIDE)
    for address in (INSIDE, f"::ffff:{INSIDE}"):
        assert (await start(organisation, "ana", address)).status is SignInStatus.COMPLETE


@pytest.mark.alike
@pytest.mark.parametrize(
    ("address", "relayed"),
    [("", False), ("unknown", False), ("10.1.2.3, 10.1.2.4", False), ("www-data (uid 33)", True)],
)
async def test_a26_an_unknown_origin_is_refused_once_there_are_rules(
    organisation: Organisation, address: str, relayed: bool
) -> None:
    await organisation.add("ana")
    assert (await start(organisation, "ana", address, relayed=relayed)).status is SignInStatus.COMPLETE
    await allow(organisation)
    assert (await start(organisation, "ana", address, relayed=relayed)).status is SignInStatus.REFUSED


@pytest.mark.alike
async def test_this_machine_is_allowed_unless_a_rule_names_it_for_others(organisation: Organisation) -> None:
    async def at_the_store(login: str) -> SignInStatus:
        operation = SignIn(tenant=TENANT, login=login, password=PASSWORD)
        return (await organisation.backend.perform_as(operation, Nobody(), Source("console"))).status

    await organisation.add("ana")
    await allow(organisation)
    for address in ("alice (uid 1000)", "uid 1000"):  # by a UNIX socket
        assert (await start(organisation, "ana", address)).status is SignInStatus.COMPLETE
    assert await at_the_store("ana") is SignInStatus.COMPLETE
    await allow(organisation, "local", roles=(Role.PLATFORM_ADMIN,))
    assert (await start(organisation, "ana", "uid 1000")).status is SignInStatus.REFUSED
    assert await at_the_store("ana") is SignInStatus.REFUSED
    assert await at_the_store("root") is SignInStatus.COMPLETE
    await organisation.perform(RemoveNetwork(tenant=TENANT, network="local"))  # the owner of the store always may
    assert await at_the_store("ana") is SignInStatus.COMPLETE


@pytest.mark.alike
async def test_rules_for_roles_concern_those_roles(organisation: Organisation) -> None:
    for login, role in (("ana", Role.USER), ("hana", Role.HELPDESK), ("tina", Role.TENANT_ADMIN)):
        await organisation.add(login, role)
    await allow(organisation, "192.0.2.0/24", roles=(Role.TENANT_ADMIN,))
    for login, address, status in (
        ("ana", OUTSIDE, SignInStatus.COMPLETE),
        ("tina", OUTSIDE, SignInStatus.REFUSED),
        ("tina", "192.0.2.9", SignInStatus.COMPLETE),
    ):
        assert (await start(organisation, login, address)).status is status, (login, address)
    await allow(organisation)
    for login, address, status in (
        ("ana", OUTSIDE, SignInStatus.REFUSED),
        ("ana", "192.0.2.9", SignInStatus.REFUSED),
        ("tina", INSIDE, SignInStatus.COMPLETE),
        ("tina", "192.0.2.9", SignInStatus.COMPLETE),
        ("hana", "192.0.2.9", SignInStatus.REFUSED),
    ):
        assert (await start(organisation, login, address)).status is status, (login, address)


async def test_sessions_and_tokens_are_refused_elsewhere_and_go_on_at_home(organisation: Organisation) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await session(organisation, "tina")
    token = Bearer((await ask(organisation, CreateToken(name="ci"), tina, OUTSIDE)).token)
    key = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)
    owners = Bearer((await organisation.perform(CreateToken(name="owner", tenant=TENANT))).token)
    everyone: list[Credential] = [tina, token, key, owners]
    await allow(organisation)
    for who in everyone:
        with pytest.raises(WrongNetwork, match=rf"Your address {OUTSIDE} is not in the networks that acme allows"):
            await ask(organisation, ListUsers(tenant=TENANT), who, OUTSIDE)
        with pytest.raises(WrongNetwork):  # not even that it does not exist
            await ask(organisation, ListUsers(tenant="nowhere"), who, OUTSIDE)
        with pytest.raises(WrongNetwork, match="is unknown"):
            await ask(organisation, ListUsers(tenant=TENANT), who, INSIDE, relayed=True)
        assert (await ask(organisation, ListUsers(tenant=TENANT), who, INSIDE)).items
    with pytest.raises(WrongNetwork):
        await ask(organisation, WhoAmI(), tina, OUTSIDE)
    with pytest.raises(NotAllowed):
        await ask(organisation, VerifyCode(tenant=TENANT, user="tina", code=Secret("123456")), key, OUTSIDE)
    await ask(organisation, SignOut(), await session(organisation, "tina", INSIDE), OUTSIDE)  # that is for the better
    with pytest.raises(WrongNetwork):
        await ask(organisation, SetPolicy(tenant=TENANT, mode=PolicyMode.OFF), tina, OUTSIDE)
    (entry,) = await entries(organisation, "policy.set")
    assert (entry.outcome, entry.actor, entry.address) == ("refused", "tina", OUTSIDE)


async def test_a_repeated_request_from_elsewhere_gets_no_stored_reply(organisation: Organisation) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await session(organisation, "tina")
    wanted = CreateToken(name="ci")

    async def repeated(address: str) -> str:
        source = Source("api", address, key=IdempotencyKey("k-1"))
        return (await organisation.backend.perform_as(wanted, tina, source)).id

    first = await repeated(OUTSIDE)
    await allow(organisation)
    with pytest.raises(WrongNetwork):
        await repeated(OUTSIDE)
    assert await repeated(INSIDE) == first


async def test_no_tenant_is_concerned_by_the_networks_of_another(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta", admin="bea", password=PASSWORD))
    await organisation.add("ana")
    await allow(organisation)
    bea = await ask(organisation, SignIn(tenant="beta", login="bea", password=PASSWORD), Nobody(), OUTSIDE)
    assert bea.status is SignInStatus.COMPLETE
    assert bea.token is not None
    with pytest.raises(NotFound):
        await ask(organisation, ListNetworks(tenant=TENANT), Bearer(bea.token), OUTSIDE)
    root = await session(organisation, "root", INSIDE)
    assert (await ask(organisation, ListNetworks(tenant="beta"), root, INSIDE)).items == ()
    with pytest.raises(WrongNetwork):  # the networks of root's own tenant go with root
        await ask(organisation, ListNetworks(tenant="beta"), root, OUTSIDE)


async def test_a_sign_in_that_goes_on_elsewhere_ends_with_one_entry(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await allow(organisation)
    answer = await start(organisation, "ana", INSIDE)
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    for address in (OUTSIDE, OUTSIDE, INSIDE):
        assert (await ask(organisation, verify, Nobody(), address)).status is SignInStatus.REFUSED
    found = [e for e in await entries(organisation, "sign-in") if e.details.get("rule") == Rule.NETWORK]
    assert [(e.outcome, e.address) for e in found] == [("refused", OUTSIDE)]


@pytest.mark.alike
async def test_a_network_exempt_from_the_challenge_is_not_exempt_from_binding(organisation: Organisation) -> None:
    for login, role in (("ana", Role.USER), ("ben", Role.USER), ("rita", Role.PLATFORM_ADMIN)):
        await organisation.add(login, role)
    for login in ("ana", "rita"):
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=False))
    await allow(organisation, no_challenge=True)
    await allow(organisation, "192.0.2.0/24")
    for login, address, status in (
        ("ana", INSIDE, SignInStatus.COMPLETE),
        ("ana", "192.0.2.9", SignInStatus.SECOND_FACTOR),
        ("ben", INSIDE, SignInStatus.ENROLL),
        ("rita", INSIDE, SignInStatus.SECOND_FACTOR),
    ):
        explain = ExplainSignIn(tenant=TENANT, user=login, address=address)
        assert (await organisation.perform(explain)).outcome is status, login
        assert (await start(organisation, login, address)).status is status, login
    shown = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana", address=INSIDE))
    assert shown.rule is Rule.EXEMPT_NETWORK
    assert f"{INSIDE} is in {OFFICE}. A bound factor is not asked for from there." in shown.because
    ana = await session(organisation, "ana", INSIDE)
    assert (await ask(organisation, WhoAmI(), ana, INSIDE)).step_up_until is None  # the factor was not shown


@pytest.mark.alike
async def test_check_and_explain_name_the_rule(organisation: Organisation) -> None:
    await organisation.add("ana")

    async def check(address: str) -> tuple[bool, Ground, AllowedNetwork | None, str]:
        found = await organisation.perform(CheckNetwork(tenant=TENANT, user="ana", address=address))
        return found.allowed, found.ground, found.network, found.message

    assert (await check(OUTSIDE))[:3] == (True, Ground.NO_RULE, None)
    office = (await allow(organisation, note="office")).network
    assert await check(f" ::ffff:{INSIDE} ") == (True, Ground.LISTED, office, f"{INSIDE} is in {OFFICE} (office).")
    assert await check(OUTSIDE) == (
        False,
        Ground.OUTSIDE,
        None,
        f"{OUTSIDE} is in no network that is allowed for the role user.",
    )
    assert (await check("local"))[:2] == (True, Ground.LOCAL)
    for address in ("", "office", OFFICE):
        with pytest.raises(Invalid):
            await check(address)
    shown = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana", address=OUTSIDE))
    assert (shown.outcome, shown.rule) == (SignInStatus.REFUSED, Rule.NETWORK)
    assert shown.because == (f"{OUTSIDE} is in no network that is allowed for the role user.",)
    shown = await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana", address=INSIDE))
    assert shown.because[-1] == f"{INSIDE} is in {OFFICE} (office)."
    assert (await organisation.perform(ExplainSignIn(tenant=TENANT, user="ana"))).outcome is SignInStatus.COMPLETE


@pytest.mark.alike
async def test_nobody_sets_the_networks_of_those_who_outrank_them(organisation: Organisation) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tina = await session(organisation, "tina", INSIDE)
    for wanted in (
        AddNetwork(tenant=TENANT, network=OFFICE, roles=(Role.PLATFORM_ADMIN,)),
        AddNetwork(tenant=TENANT, network=OFFICE, roles=(Role.USER, Role.PLATFORM_ADMIN)),
        AddNetwork(tenant=TENANT, network="local", roles=(Role.USER,)),
    ):
        with pytest.raises(NotAllowed, match="also for the role platform-admin, which ranks above a tenant-admin"):
            await ask(organisation, wanted, tina, INSIDE)
    below = (Role.TENANT_ADMIN, Role.HELPDESK, Role.AUDITOR, Role.USER)
    added = await ask(organisation, AddNetwork(tenant=TENANT, network=OFFICE), tina, INSIDE)
    assert added.network.roles == below
    assert (await start(organisation, "ana", OUTSIDE)).status is SignInStatus.REFUSED
    assert (await start(organisation, "root", OUTSIDE)).status is SignInStatus.COMPLETE
    await ask(organisation, RemoveNetwork(tenant=TENANT, network=OFFICE), tina, INSIDE)
    for network in (OFFICE, "local"):
        await allow(organisation, network)  # by the store's owner, for all roles
        with pytest.raises(NotAllowed, match="ranks above"):
            await ask(organisation, RemoveNetwork(tenant=TENANT, network=network), tina, INSIDE)


async def shut_out(organisation: Organisation) -> Bearer:
    """Let an administrator shut herself out, and return her session."""
    await organisation.add("tina", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tina = await session(organisation, "tina")
    wanted = AddNetwork(tenant=TENANT, network=OFFICE, confirm=" ACME ")
    changed = await ask(organisation, wanted, tina, OUTSIDE)
    assert changed.pending_until == datetime.fromtimestamp(organisation.clock.now + 5 * MINUTES, UTC)
    return tina


@pytest.mark.alike
async def test_a27_a_change_that_shuts_out_its_author_needs_the_tenants_name(organisation: Organisation) -> None:
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await session(organisation, "tina")
    with pytest.raises(Conflict, match=rf"shut you out, because {OUTSIDE} would not be allowed.*acme"):
        await ask(organisation, AddNetwork(tenant=TENANT, network=OFFICE), tina, OUTSIDE)
    with pytest.raises(Invalid) as refused:
        await ask(organisation, AddNetwork(tenant=TENANT, network=OFFICE, confirm="beta"), tina, OUTSIDE)
    assert refused.value.field == "confirm"
    assert (await listed(organisation)).items == ()
    own = await ask(organisation, AddNetwork(tenant=TENANT, network=OUTSIDE), tina, OUTSIDE)
    assert own.pending_until is None
    await ask(organisation, AddNetwork(tenant=TENANT, network=OFFICE), tina, OUTSIDE)
    with pytest.raises(Conflict, match="shut you out"):
        await ask(organisation, RemoveNetwork(tenant=TENANT, network=OUTSIDE), tina, OUTSIDE)
    gone = RemoveNetwork(tenant=TENANT, network=OUTSIDE, confirm=TENANT)
    assert (await ask(organisation, gone, tina, OUTSIDE)).pending_until is not None
    with pytest.raises(WrongNetwork):
        await ask(organisation, ListNetworks(tenant=TENANT), tina, OUTSIDE)
    assert [(n.network, n.leaving) for n in (await listed(organisation)).items] == [
        (f"{OUTSIDE}/32", True),
        (OFFICE, False),
    ]
    organisation.clock.forward(minutes=5)
    assert (await ask(organisation, ListNetworks(tenant=TENANT), tina, OUTSIDE)).pending_until is None
    assert [(n.network, n.leaving) for n in (await listed(organisation)).items] == [
        (f"{OUTSIDE}/32", False),
        (OFFICE, False),
    ]


async def test_a27_it_is_undone_after_five_minutes_and_says_so(organisation: Organisation) -> None:
    tina = await shut_out(organisation)
    for login in ("tina", "ana"):
        assert (await start(organisation, login, OUTSIDE)).status is SignInStatus.REFUSED
    await session(organisation, "ana", INSIDE)  # the sign-in of another user confirms nothing
    organisation.clock.forward(seconds=5 * MINUTES - 1)
    with pytest.raises(WrongNetwork):
        await ask(organisation, ShowPolicy(tenant=TENANT), tina, OUTSIDE)
    organisation.clock.forward(seconds=1)
    assert await ask(organisation, ShowPolicy(tenant=TENANT), tina, OUTSIDE)
    assert (await listed(organisation)).items == ()
    (entry,) = await entries(organisation, "network.reverted")
    assert (entry.actor, entry.details["why"]) == ("secconsole", "not confirmed")


async def test_a27_it_is_undone_even_if_nothing_ran_meanwhile(organisation: Organisation) -> None:
    await shut_out(organisation)
    await organisation.reopen()
    organisation.clock.forward(minutes=5)
    assert (await start(organisation, "ana", OUTSIDE)).status is SignInStatus.COMPLETE


@pytest.mark.alike
async def test_a27_a_sign_in_of_its_author_from_an_allowed_network_confirms_it(organisation: Organisation) -> None:
    tina = await shut_out(organisation)
    answer = await start(organisation, "tina", INSIDE)
    assert answer.message == "Your change of the allowed networks is confirmed and stays."
    assert (await listed(organisation)).pending_until is None
    organisation.clock.forward(minutes=6)
    with pytest.raises(WrongNetwork):
        await ask(organisation, ShowPolicy(tenant=TENANT), tina, OUTSIDE)
    (entry,) = await entries(organisation, "network.confirmed")
    assert (entry.actor, entry.details["how"]) == ("tina", "sign-in")


@pytest.mark.alike
async def test_a27_an_administrator_confirms_it_from_an_allowed_network(organisation: Organisation) -> None:
    tina = await shut_out(organisation)
    with pytest.raises(WrongNetwork):
        await ask(organisation, ConfirmNetworks(tenant=TENANT), tina, OUTSIDE)
    confirmed = await ask(organisation, ConfirmNetworks(tenant=TENANT), tina, INSIDE)
    assert [(n.network, n.pending_until) for n in confirmed.items] == [(OFFICE, None)]
    organisation.clock.forward(minutes=6)
    assert [n.network for n in (await listed(organisation)).items] == [OFFICE]
    for operation in (ConfirmNetworks(tenant=TENANT), RevertNetworks(tenant=TENANT)):
        with pytest.raises(Conflict, match="No change"):
            await organisation.perform(operation)


@pytest.mark.alike
async def test_a_platform_administrator_of_another_tenant_confirms_only_from_there(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta", admin="bea", password=PASSWORD, role=Role.PLATFORM_ADMIN))
    answer = await ask(organisation, SignIn(tenant="beta", login="bea", password=PASSWORD), Nobody(), OUTSIDE)
    assert answer.token is not None
    bea = Bearer(answer.token)
    root = await session(organisation, "root")
    await ask(organisation, AddNetwork(tenant=TENANT, network=OFFICE, confirm=TENANT), root, OUTSIDE)
    with pytest.raises(Conflict, match="do not allow your address"):
        await ask(organisation, ConfirmNetworks(tenant=TENANT), bea, OUTSIDE)
    assert (await ask(organisation, ConfirmNetworks(tenant=TENANT), bea, INSIDE)).pending_until is None


async def test_one_change_waits_at_a_time_and_can_be_undone_before_its_time(organisation: Organisation) -> None:
    tina = await shut_out(organisation)
    for operation in (
        AddNetwork(tenant=TENANT, network="192.0.2.0/24"),
        RemoveNetwork(tenant=TENANT, network=OFFICE),
    ):
        with pytest.raises(Conflict, match=r"waits until \d\d:\d\d:\d\d UTC"):
            await organisation.perform(operation)
    assert (await organisation.perform(RevertNetworks(tenant=TENANT))).items == ()
    assert await ask(organisation, ShowPolicy(tenant=TENANT), tina, OUTSIDE)
    assert (await entries(organisation, "network.reverted"))[0].actor == "local:jane"


async def test_the_same_network_can_be_added_again_after_it_was_undone(organisation: Organisation) -> None:
    await shut_out(organisation)
    organisation.clock.forward(minutes=5)
    assert (await allow(organisation)).pending_until is None


async def test_an_end_stops_a_network_and_is_recorded(organisation: Organisation) -> None:
    await organisation.add("ana")
    now = datetime.fromtimestamp(organisation.clock.now, UTC)
    hotel = {"network": "192.0.2.0/24", "until": now + timedelta(hours=1)}
    with pytest.raises(Conflict, match="Allow one with no end date first"):
        await allow(organisation, **hotel)  # type: ignore[arg-type]
    await allow(organisation)
    await allow(organisation, **hotel)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="with no end date"):
        await organisation.perform(RemoveNetwork(tenant=TENANT, network=OFFICE))
    assert (await start(organisation, "ana", "192.0.2.9")).status is SignInStatus.COMPLETE
    organisation.clock.forward(minutes=60)
    assert (await start(organisation, "ana", "192.0.2.9")).status is SignInStatus.REFUSED
    assert [n.network for n in (await listed(organisation)).items] == [OFFICE]
    (entry,) = await entries(organisation, "network.ended")
    assert entry.details["network"] == "192.0.2.0/24"
    for until in (now, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(Unfit):
            await allow(organisation, "192.0.2.0/24", until=until)


async def test_a_list_has_each_network_once_and_is_limited(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await allow(organisation, "::ffff:10.0.0.0/104", note=" office ", roles=(Role.USER, Role.AUDITOR, Role.USER))
    (one,) = (await listed(organisation)).items
    assert (one.network, one.note, one.roles, one.by) == (OFFICE, "office", (Role.AUDITOR, Role.USER), "local:jane")
    with pytest.raises(Conflict, match="allowed already for auditor, user"):
        await allow(organisation, roles=(Role.USER,))
    await allow(organisation, roles=(Role.HELPDESK,))
    with pytest.raises(Conflict, match="by its id"):
        await organisation.perform(RemoveNetwork(tenant=TENANT, network=OFFICE))
    await organisation.perform(RemoveNetwork(tenant=TENANT, network=one.id))
    for unknown in (one.id, "192.0.2.0/24", "office"):
        with pytest.raises(NotFound):
            await organisation.perform(RemoveNetwork(tenant=TENANT, network=unknown))
    with pytest.raises(Invalid):
        await allow(organisation, "192.0.2.0/24", note="x" * (limits.LONGEST_NOTE + 1))
    monkeypatch.setattr("secconsole.service.handlers.settings.networks.MOST_NETWORKS", 2)
    await allow(organisation, "192.0.2.0/24")
    with pytest.raises(Conflict, match="can allow 2 networks"):
        await allow(organisation, "198.51.100.0/24")


async def test_a_preview_counts_who_would_be_refused(organisation: Organisation) -> None:
    for login, addresses in (("ana", [OUTSIDE]), ("ben", [OUTSIDE, INSIDE]), ("cyd", [INSIDE]), ("dan", [])):
        await organisation.add(login)
        for address in addresses:
            await session(organisation, login, address)
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await session(organisation, "tina", "203.0.113.9")
    preview = PreviewNetwork(tenant=TENANT, network=OFFICE)
    found = await ask(organisation, preview, tina, "203.0.113.9")
    assert (found.network, found.address, found.you_allowed) == (OFFICE, "203.0.113.9", False)
    assert (found.refused, found.looked_at, set(found.logins)) == (2, 4, {"ana", "tina"})
    assert (await organisation.perform(preview)).you_allowed
    await allow(organisation)
    back = await organisation.perform(PreviewNetwork(tenant=TENANT, network=OFFICE, remove=True))
    assert (back.refused, back.logins, back.opens) == (0, (), tuple(Role))
    assert (await organisation.perform(preview)).opens == ()
    await allow(organisation, "192.0.2.0/24", roles=(Role.USER,))
    back = await organisation.perform(PreviewNetwork(tenant=TENANT, network=OFFICE, remove=True))
    assert back.opens == tuple(role for role in Role if role is not Role.USER), "another network is left for users"
    await organisation.perform(RemoveNetwork(tenant=TENANT, network="192.0.2.0/24"))
    assert [n.network for n in (await listed(organisation)).items] == [OFFICE]


async def test_networks_are_read_with_the_tenant(organisation: Organisation) -> None:
    for number in range(20):
        await allow(organisation, f"192.0.2.{number}", note=f"n{number}", roles=(Role.AUDITOR,))
    await allow(organisation, no_challenge=True)
    found = (await listed(organisation)).items
    assert [n.note for n in found[:20]] == [f"n{number}" for number in range(20)]

    tenant = await asyncio.wrap_future(organisation.backend.store.read(lambda c: tenant_by_name(c, TENANT)))
    assert tenant is not None
    assert {r.network: r.no_challenge for r in tenant.networks} == {n.network: n.no_challenge for n in found}
    assert {r.network: r.roles for r in tenant.networks} == {n.network: n.roles for n in found}
