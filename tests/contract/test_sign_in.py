"""Signing in on a real store: every answer, every refusal, and what must not differ."""

from __future__ import annotations

from typing import Any, Literal

import argon2
import pytest

from secconsole.domain.errors import Conflict, Invalid, NotFound, NotSignedIn
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FREE_TRIES
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.factors import RemoveFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.sessions import EndOtherSessions
from secconsole.operations.signin import (
    ChoosePassword,
    ConfirmBinding,
    SignOut,
    StartBinding,
    VerifySignIn,
    WhoAmI,
)
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword, UnlockUser
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ListUsers, ShowUser
from tests.examples import example_of
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

WRONG = Secret("not the password at all")


@pytest.mark.alike
async def test_policy_off_admits_by_password(organisation: Organisation) -> None:
    await organisation.add("ana")
    assert (await organisation.start("ANA")).status is SignInStatus.COMPLETE


@pytest.mark.alike
async def test_bound_users_are_asked_while_the_policy_is_optional(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.SECOND_FACTOR
    assert answer.token is None
    assert [f.kind for f in answer.factors] == ["totp"]
    me = await organisation.perform(WhoAmI(), await organisation.sign_in("ana"))
    assert (me.login, me.role, me.tenant, me.bound) == ("ana", Role.USER, TENANT, True)


@pytest.mark.alike
async def test_the_helpdesk_is_named_once_the_password_was_right(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, helpdesk_text=" ext.\n4711 "))
    answer = await organisation.start("ana")
    assert answer.helpdesk == "ext. 4711"
    assert answer.challenge is not None
    wrong = VerifySignIn(challenge=answer.challenge, factor="", code=Secret("000000"))
    assert (await organisation.perform(wrong, Nobody())).helpdesk == "ext. 4711"
    assert (await organisation.start("ana", WRONG)).helpdesk == ""
    with pytest.raises(Invalid):
        await organisation.perform(SetPolicy(tenant=TENANT, helpdesk_text="x" * 201))


@pytest.mark.alike
async def test_z1_bindings_survive_off_and_on(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    for mode in (PolicyMode.REQUIRED, PolicyMode.OFF, PolicyMode.REQUIRED):
        await organisation.perform(SetPolicy(tenant=TENANT, mode=mode))
        asked = (await organisation.start("ana")).status is SignInStatus.SECOND_FACTOR
        assert asked == (mode is not PolicyMode.OFF)
    await organisation.sign_in("ana")


@pytest.mark.alike
async def test_z3_unbound_users_must_bind_when_required(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.ENROLL
    assert answer.token is None
    assert answer.challenge is not None
    started = await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    wrong = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=Secret("000000"))
    refused = await organisation.perform(wrong, Nobody())
    assert refused.status is SignInStatus.ENROLL
    assert "clock" in refused.message
    assert refused.server_time is not None
    late = ConfirmBinding(
        challenge=answer.challenge, enrollment=started.enrollment, code=organisation.code("ana", steps=-3)
    )
    assert "90 seconds behind" in (await organisation.perform(late, Nobody())).message
    right = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=organisation.code("ana"))
    done = await organisation.perform(right, Nobody())
    assert done.status is SignInStatus.COMPLETE
    assert done.token is not None
    assert (await organisation.perform(WhoAmI(), Bearer(done.token))).bound


async def test_a_pending_binding_does_not_replace_a_phone_bound_meanwhile(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    started = await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    stolen = seed_of(started.key)
    await organisation.bind("ana")
    with pytest.raises(Conflict):
        await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    code = Secret(code_for_step(stolen, time_step(organisation.clock.now)))
    confirm = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=code)
    assert (await organisation.perform(confirm, Nobody())).status is SignInStatus.REFUSED
    await organisation.sign_in("ana")


@pytest.mark.alike
async def test_a_new_password_is_requested_before_the_second_factor(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert (await organisation.start("ana")).status is SignInStatus.REFUSED
    answer = await organisation.start("ana", reset.password)
    assert answer.status is SignInStatus.NEW_PASSWORD
    assert answer.challenge is not None
    chosen = Secret("seven green bottles")
    after = await organisation.perform(ChoosePassword(challenge=answer.challenge, password=chosen), Nobody())
    assert after.status is SignInStatus.SECOND_FACTOR
    assert (await organisation.start("ana", chosen)).status is SignInStatus.SECOND_FACTOR
    again = await organisation.perform(ChoosePassword(challenge=answer.challenge, password=WRONG), Nobody())
    assert again.status is SignInStatus.REFUSED


@pytest.mark.alike
async def test_a05_code_outside_the_window_is_refused(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    organisation.clock.forward(minutes=5)
    results = []
    for steps in (-2, 2, -1, 0, 1):
        verdict = await organisation.perform(
            VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana", steps))
        )
        results.append(verdict.accepted)
    assert results == [False, False, True, True, True]


async def test_a03_a_code_works_once_in_any_spelling(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    code = organisation.code("ana").reveal()
    first = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret(code)))
    assert first.accepted
    arabic, wide = ("".join(chr(ord(zero) + int(digit)) for digit in code) for zero in "٠０")
    spellings = (code, f" {code}", f"{code[:3]} {code[3:]}", f"+{code}", f"{code}_", arabic, wide, "", "\0", code * 20)
    for spelling in spellings:
        verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret(spelling)))
        assert not verdict.accepted, spelling
        await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))


async def test_a06_failures_survive_a_restart(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    for _ in range(FREE_TRIES):
        await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret("000000")))
    await organisation.reopen()
    detail = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert detail.failures == FREE_TRIES
    assert detail.locked
    verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    assert not verdict.accepted


async def test_a07_a_hundred_wrong_codes_disable_a_factor_until_it_is_rebound(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    for _ in range(2):  # strangers are locked after fifty; unlocking does not make the factor forget those
        for _ in range(50):
            verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret("000000")))
            assert not verdict.accepted
            organisation.clock.forward(minutes=61)
        check = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
        assert not (await organisation.perform(check)).accepted
        detail = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
        assert detail.failures == 50
        assert detail.locked
        assert detail.locked_until is None
        await organisation.perform(UnlockUser(tenant=TENANT, user="ana"))
    check = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert not (await organisation.perform(check)).accepted, "unlocking does not revive an exhausted factor"
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="a hundred wrong codes"))
    await organisation.bind("ana")
    fresh = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(fresh)).accepted


async def test_a09_sign_in_command_and_spellings_share_one_count(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await organisation.start("ana", WRONG)
    await organisation.start(" ANA ", WRONG)
    answer = await organisation.start("Ana")
    assert answer.challenge is not None
    await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=Secret("000000")), Nobody())
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret("000000")))
    await organisation.reopen()
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures == 4


async def test_the_right_password_does_not_reset_wrong_codes(organisation: Organisation) -> None:
    """Otherwise an attacker with a stolen password could guess codes forever, five per sign-in."""
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    refused = 0
    for _ in range(4):
        answer = await organisation.start("ana")
        if answer.challenge is None:
            refused += 1
            continue
        for _ in range(2):
            verify = VerifySignIn(challenge=answer.challenge, factor="", code=Secret("000000"))
            await organisation.perform(verify, Nobody())
    assert refused >= 1
    assert (await organisation.start("ana")).status is SignInStatus.REFUSED


async def test_five_wrong_codes_end_a_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    left = []
    for _ in range(5):
        verify = VerifySignIn(challenge=answer.challenge, factor="", code=Secret("000000"))
        left.append((await organisation.perform(verify, Nobody())).left)
    assert left == [4, 3, 2, 1, 0]
    organisation.clock.forward(minutes=2)
    right = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(right, Nobody())).status is SignInStatus.REFUSED


async def test_a_sign_in_lasts_ten_minutes(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    organisation.clock.forward(minutes=10)
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED


@pytest.mark.alike
async def test_another_users_factor_does_not_open_a_sign_in(organisation: Organisation) -> None:
    for login in ("ana", "bob"):
        await organisation.add(login)
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    bobs = (await organisation.start("bob")).factors[0].id
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor=bobs, code=organisation.code("bob"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.SECOND_FACTOR


async def test_a19_unknown_users_get_the_same_reply_as_known_ones(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("off")
    await organisation.perform(DisableUser(tenant=TENANT, user="off"))
    answers = {}
    for login, password in (("ana", WRONG), ("nobody", WRONG), ("off", PASSWORD)):
        answers[login] = [await organisation.start(login, password) for _ in range(FREE_TRIES + 2)]
    assert answers["ana"] == answers["nobody"]
    assert answers["off"][0] == answers["nobody"][0]
    assert answers["ana"][-1].retry_at is not None


async def test_a19_an_unknown_user_costs_the_same_work(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash with equal costs is checked for every login, and takes nearly all of the time."""
    await organisation.add("ana")
    checked: list[argon2.Parameters] = []
    original = argon2.PasswordHasher.verify

    def verify(self: argon2.PasswordHasher, stored: str, password: bytes) -> Literal[True]:
        checked.append(argon2.extract_parameters(stored))
        return original(self, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    for login in ("ana", "nobody"):
        await organisation.start(login, WRONG)
        await organisation.start(login, WRONG)
    assert len(checked) == 4
    assert len(set(map(repr, checked))) == 1


async def test_the_same_sign_in_cannot_be_finished_twice(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.COMPLETE
    organisation.clock.forward(seconds=30)
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED


async def test_signing_out_ends_the_session(organisation: Organisation) -> None:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    await organisation.perform(SignOut(), bearer)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), bearer)


async def test_a25_an_hour_without_use_ends_a_session_and_use_restarts_it(organisation: Organisation) -> None:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    for _ in range(3):
        organisation.clock.forward(minutes=60)
        await organisation.perform(WhoAmI(), bearer)
    organisation.clock.forward(minutes=60, seconds=1)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), bearer)
    await organisation.reopen()  # another process continues the count
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), bearer)


async def test_a25_twelve_hours_end_a_session_despite_use_and_step_up(organisation: Organisation) -> None:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    me = await organisation.perform(WhoAmI(), bearer)
    assert me.ends_at is not None
    assert me.ends_at.timestamp() == organisation.clock.now + 12 * 3600
    for _ in range(23):
        organisation.clock.forward(minutes=30)
        bearer = await organisation.prove(bearer)
    organisation.clock.forward(minutes=29, seconds=59)
    assert (await organisation.perform(WhoAmI(), bearer)).ends_at == me.ends_at
    organisation.clock.forward(seconds=1)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), bearer)


@pytest.mark.parametrize("how", ["disabled", "demoted", "import", "reset", "unbound", "factor", "ended"])
async def test_a23_sessions_and_pending_sign_ins_end_at_once(organisation: Organisation, how: str) -> None:
    await organisation.add("hana", Role.HELPDESK)
    await organisation.bind("hana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=True))
    hana, root = await organisation.sign_in("hana"), await organisation.sign_in("root")
    answer = await organisation.start("hana")
    assert answer.challenge is not None
    factor = (await organisation.perform(ShowUser(tenant=TENANT, user="hana"))).factors[0].id
    act: dict[str, Operation[Any]] = {
        "disabled": DisableUser(tenant=TENANT, user="hana"),
        "demoted": ChangeRole(tenant=TENANT, user="hana", role=Role.USER),
        "import": ImportUsers(tenant=TENANT, users=(NewUser(2, "hana", role="user"),)),
        "reset": ResetPassword(tenant=TENANT, user="hana"),
        "unbound": Unbind(tenant=TENANT, users=("hana",), reason="lost"),
        "factor": RemoveFactor(tenant=TENANT, factor=factor),
        "ended": EndOtherSessions(tenant=TENANT, user="hana"),
    }
    await organisation.perform(WhoAmI(), hana)
    await organisation.perform(act[how], root)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), hana)
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("hana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED
    if how == "disabled":  # and none of it comes back
        await organisation.perform(EnableUser(tenant=TENANT, user="hana"))
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), hana)


async def test_a22_a_made_up_token_opens_nothing(organisation: Organisation) -> None:
    for token in ("", "x", "a" * 43, "\ud800"):
        with pytest.raises((NotSignedIn, NotFound)):
            await organisation.perform(ListUsers(tenant=TENANT), Bearer(Secret(token)))


async def test_a10_an_unfinished_sign_in_is_unauthenticated_everywhere(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert (answer.status, answer.token) == (SignInStatus.SECOND_FACTOR, None)
    assert answer.challenge is not None
    tried = 0
    for name, kind in OPERATIONS.items():
        if kind.spec.permission is not Permission.NOBODY:
            with pytest.raises(NotSignedIn):
                await organisation.perform(example_of(name), Bearer(answer.challenge))
            tried += 1
    assert tried > 30
