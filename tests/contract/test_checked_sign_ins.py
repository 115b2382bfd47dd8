"""Sign-ins that are only checked: complete without a token, with no session left behind."""

from __future__ import annotations

from dataclasses import replace

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.policy import SetPolicy
from secconsole.operations.sessions import ListSessions
from secconsole.operations.signin import (
    ChoosePassword,
    ConfirmBinding,
    SignIn,
    SignInAnswer,
    StartBinding,
    VerifySignIn,
)
from secconsole.operations.user_changes import ResetPassword
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

CHECK = SignIn(tenant=TENANT, login="ana", password=PASSWORD, session=False)
ANOTHER = Secret("another quite long password 77")


async def left_behind(organisation: Organisation) -> int:
    return len((await organisation.perform(ListSessions(tenant=TENANT, user="ana"))).items)


async def next_step(organisation: Organisation, operation: object) -> SignInAnswer:
    answer = await organisation.perform(operation, Nobody())  # type: ignore[arg-type]
    assert isinstance(answer, SignInAnswer)
    return answer


async def test_a_check_by_password_alone_leaves_no_session_and_is_audited(organisation: Organisation) -> None:
    await organisation.add("ana")
    answer = await next_step(organisation, CHECK)
    assert (answer.status, answer.token) == (SignInStatus.COMPLETE, None)
    assert await left_behind(organisation) == 0
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    assert (entry.actor, entry.outcome, entry.details["checked"]) == ("ana", "done", True)
    opened = await next_step(organisation, replace(CHECK, session=True))
    assert opened.token is not None
    assert await left_behind(organisation) == 1


async def test_a_check_by_two_steps_accepts_a_code_once_and_leaves_no_session(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    for expected in (SignInStatus.COMPLETE, SignInStatus.SECOND_FACTOR):
        begun = await next_step(organisation, CHECK)
        assert begun.challenge is not None
        answer = await next_step(
            organisation, VerifySignIn(challenge=begun.challenge, factor="", code=organisation.code("ana"))
        )
        assert (answer.status, answer.token) == (expected, None)
    assert await left_behind(organisation) == 0


async def test_a_check_that_binds_and_chooses_a_password_leaves_no_session(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    begun = await next_step(organisation, replace(CHECK, password=reset.password))
    assert begun.status is SignInStatus.NEW_PASSWORD
    assert begun.challenge is not None
    chosen = await next_step(organisation, ChoosePassword(challenge=begun.challenge, password=ANOTHER))
    assert (chosen.status, chosen.token) == (SignInStatus.ENROLL, None)
    assert chosen.challenge is not None
    started = await organisation.perform(StartBinding(challenge=chosen.challenge), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmBinding(challenge=chosen.challenge, enrollment=started.enrollment, code=organisation.code("ana"))
    bound = await next_step(organisation, confirm)
    assert (bound.status, bound.token) == (SignInStatus.COMPLETE, None)
    assert await left_behind(organisation) == 0
