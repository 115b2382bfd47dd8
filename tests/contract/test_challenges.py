"""Second steps for users of an application, which checked the password itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secconsole.domain.errors import Conflict, Invalid, NotAllowed
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.challenges import StartChallenge
from secconsole.operations.incident import FreezeSignIns
from secconsole.operations.networks import AddNetwork
from secconsole.operations.policy import SetPolicy
from secconsole.operations.secret_keys import CreateSecretKey, RevokeSecretKey
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import ConfirmBinding, SignIn, SignInAnswer, StartBinding, VerifySignIn
from secconsole.operations.tokens import CreateToken
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

ASK = StartChallenge(tenant=TENANT, login="ana", address="203.0.113.7")
WRONG = Secret("000000")


async def application(organisation: Organisation, name: str = "wiki") -> Bearer:
    create = CreateSecretKey(tenant=TENANT, name=name, scopes=(Scope.CHALLENGE,))
    return Bearer((await organisation.perform(create)).key)


async def ask(
    organisation: Organisation, operation: Operation[SignInAnswer], who: Credential | None = None
) -> SignInAnswer:
    return await organisation.perform(operation, Nobody() if who is None else who)


async def verify(organisation: Organisation, begun: SignInAnswer, code: Secret[str]) -> SignInAnswer:
    assert begun.challenge is not None
    return await ask(organisation, VerifySignIn(challenge=begun.challenge, factor="", code=code))


async def entries(organisation: Organisation, action: str = "sign-in") -> tuple[AuditEntry, ...]:
    return (await organisation.perform(ListAudit(tenant=TENANT, action=action))).items


async def test_a_code_completes_it_once_without_a_session_and_the_audit_names_all(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    wiki = await application(organisation)
    begun = await ask(organisation, ASK, wiki)
    assert (begun.status, [factor.kind for factor in begun.factors]) == (SignInStatus.SECOND_FACTOR, ["totp"])
    code = organisation.code("ana")
    done = await verify(organisation, begun, code)
    assert (done.status, done.token) == (SignInStatus.COMPLETE, None)
    assert (await verify(organisation, begun, code)).status is SignInStatus.REFUSED
    again = await verify(organisation, await ask(organisation, ASK, wiki), code)
    assert again.status is SignInStatus.SECOND_FACTOR
    assert (await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items == ()
    for entry in await entries(organisation):
        assert (entry.details["application"], entry.details["client"]) == ("wiki", "203.0.113.7"), entry
        assert entry.actor == "ana"
        assert entry.address != "203.0.113.7"  # ours is where the application is


async def test_unbound_users_bind_if_the_policy_asks(organisation: Organisation) -> None:
    await organisation.add("ana")
    wiki = await application(organisation)
    assert (await ask(organisation, ASK, wiki)).status is SignInStatus.COMPLETE
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    begun = await ask(organisation, ASK, wiki)
    assert (begun.status, begun.challenge is None) == (SignInStatus.ENROLL, False)
    assert begun.challenge is not None
    first = await organisation.perform(StartBinding(challenge=begun.challenge), Nobody())
    second = await organisation.perform(StartBinding(challenge=begun.challenge), Nobody())
    assert first.key.reveal() != second.key.reveal()  # no key is shown twice
    organisation.seeds["ana"] = seed_of(second.key)
    confirm = ConfirmBinding(challenge=begun.challenge, enrollment=second.enrollment, code=organisation.code("ana"))
    done = await ask(organisation, confirm)
    assert (done.status, done.token) == (SignInStatus.COMPLETE, None)
    (bound,) = await entries(organisation, "factor.confirmed")
    assert bound.details["application"] == "wiki"
    organisation.clock.forward(seconds=30)
    assert (await ask(organisation, ASK, wiki)).status is SignInStatus.SECOND_FACTOR


async def test_the_policy_decides_as_at_a_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    wiki = await application(organisation)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"))
    assert (await ask(organisation, ASK, wiki)).status is SignInStatus.COMPLETE
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    assert (await ask(organisation, ASK, wiki)).status is SignInStatus.COMPLETE


async def test_those_who_may_not_sign_in_are_refused_in_words(organisation: Organisation) -> None:
    for login in ("ana", "ben", "cleo"):
        await organisation.add(login)
    wiki = await application(organisation)
    unknown = await ask(organisation, replace(ASK, login="nobody"), wiki)
    wrong = await ask(organisation, SignIn(tenant=TENANT, login="nobody", password=PASSWORD))
    assert (unknown.status, unknown.message) == (SignInStatus.REFUSED, wrong.message)
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    await organisation.perform(ResetPassword(tenant=TENANT, user="ben"))
    for login, words in (("ana", "disabled"), ("ben", "new password"), ("root", "may not act on a platform-admin")):
        answer = await ask(organisation, replace(ASK, login=login), wiki)
        assert (answer.status, words in answer.message) == (SignInStatus.REFUSED, True), answer.message
    await organisation.perform(FreezeSignIns(tenant=TENANT))
    answer = await ask(organisation, replace(ASK, login="cleo"), wiki)
    assert (answer.status, "frozen" in answer.message) == (SignInStatus.REFUSED, True)


async def test_wrong_codes_count_as_those_of_strangers_and_end_the_challenge(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.sign_in("ana")  # from here on the network of the application is known for her
    wiki = await application(organisation)
    begun = await ask(organisation, ASK, wiki)
    for left in (4, 3, 2, 1, 0):
        answer = await verify(organisation, begun, WRONG)
        assert answer.left == left or answer.retry_at is not None
    for _ in range(20):
        begun = await ask(organisation, ASK, wiki)
        if begun.status is SignInStatus.REFUSED:
            break
        await verify(organisation, begun, WRONG)
    assert "Too many wrong entries" in begun.message
    await organisation.sign_in("ana")  # strangers are held back, and she is not


async def test_a_claimed_network_refuses_and_exempts_nobody(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    wiki = await application(organisation)
    add = AddNetwork(tenant=TENANT, network="203.0.113.0/24", roles=(Role.USER,), no_challenge=True)
    await organisation.perform(add)
    assert (await ask(organisation, ASK, wiki)).status is SignInStatus.SECOND_FACTOR
    outside = await ask(organisation, replace(ASK, address="198.51.100.1"), wiki)
    assert (outside.status, "network" in outside.message) == (SignInStatus.REFUSED, True)
    with pytest.raises(Invalid):
        await ask(organisation, replace(ASK, address="not an address"), wiki)


async def test_a_revoked_key_ends_the_challenges_of_its_application(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    begun = await ask(organisation, ASK, await application(organisation))
    await organisation.perform(RevokeSecretKey(tenant=TENANT, key="wiki"))
    assert (await verify(organisation, begun, organisation.code("ana"))).status is SignInStatus.REFUSED


async def test_only_programs_with_the_scope_may_ask(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    tom = await organisation.sign_in("tom")
    reader = Bearer(
        (await organisation.perform(CreateSecretKey(tenant=TENANT, name="r", scopes=(Scope.READ, Scope.VERIFY)))).key
    )
    with pytest.raises(NotAllowed, match="scope challenge"):
        await ask(organisation, ASK, tom)
    with pytest.raises(NotAllowed, match="needs the scope challenge"):
        await ask(organisation, ASK, reader)
    with pytest.raises(Conflict):
        await organisation.perform(CreateToken(name="ci", scopes=(Scope.CHALLENGE,)), tom)


async def test_a_password_is_checked_as_at_a_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    vpn = await application(organisation, "vpn")
    wrong = await ask(organisation, replace(ASK, password=Secret("not that one")), vpn)
    nobody = await ask(organisation, replace(ASK, login="nobody", password=PASSWORD), vpn)
    assert wrong.status is SignInStatus.REFUSED
    assert wrong.message == nobody.message
    right = await ask(organisation, replace(ASK, password=PASSWORD), vpn)
    assert (right.status, right.token) == (SignInStatus.COMPLETE, None)
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    answer = await ask(organisation, replace(ASK, password=reset.password), vpn)
    assert (answer.status, answer.challenge) == (SignInStatus.REFUSED, None)
    assert "new password" in answer.message
