"""A12: what destroys or weakens something is done by whoever proved password and factor within five minutes."""

from __future__ import annotations

from typing import Any

import pytest

from secconsole.domain.errors import StepUpNeeded
from secconsole.domain.roles import Role
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.tokens import CreateToken, RevokeToken
from secconsole.operations.users import CreateUser, ImportUsers, NewUser
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.examples import EXAMPLES

#: Asked for where it is declared: whoever declares an operation decides here.
ALWAYS = {
    "account.cancel-mfa", "account.contact", "account.keep-factor", "delivery.confirm", "delivery.set-smtp",
    "delivery.set-twilio", "delivery.try", "factor.enroll", "factor.mail-key", "factor.remove", "password.change",
    "policy.set", "recovery.create", "recovery.view", "secret-key.rotate", "tenant.create", "token.create", "unbind",
    "unbind.undo", "user.disable", "user.enable", "user.require-mfa", "user.reset-password", "user.role", "user.unlock",
    "whitelist.add", "whitelist.remove",
}  # fmt: skip

#: Asked for by the handler, for what it does and to whom.
SOMETIMES = {
    "session.end": "for somebody else's: protecting oneself waits for nothing",
    "session.end-others": "as above",
    "token.revoke": "as above",
    "user.create": "for whoever has a role above user",
    "user.import": "for roles above user, and for addresses and numbers of users who exist",
}

NEVER = {
    "factor.confirm": "takes a code of what was begun with a proof",
    "factor.rename": "changes a name that nothing goes by",
    "sign-in": "is itself the proof",
    "sign-in.bind": "is part of a sign-in",
    "sign-in.confirm": "is part of a sign-in",
    "sign-in.mail-key": "is part of a sign-in",
    "sign-in.new-password": "is part of a sign-in",
    "sign-in.send-code": "is part of a sign-in",
    "sign-in.verify": "is part of a sign-in",
    "sign-out": "takes away what one has oneself",
    "step-up": "is the proof",
    "step-up.send-code": "is part of it",
    "verify": "checks a code and changes no binding; programs ask it with a key, and no person is there",
}


def test_a12_every_operation_that_changes_something_has_decided() -> None:
    writing = {name: operation.spec for name, operation in OPERATIONS.items() if operation.spec.writes}
    assert {name for name, spec in writing.items() if spec.step_up} == ALWAYS
    assert {name for name, spec in writing.items() if not spec.step_up} == {*SOMETIMES, *NEVER}
    assert {name for name, spec in writing.items() if spec.dangerous} <= {*ALWAYS, *SOMETIMES}


@pytest.mark.parametrize("name", sorted(ALWAYS))
async def test_a12_a_proof_that_is_five_minutes_old_is_too_old(organisation: Organisation, name: str) -> None:
    asked = await EXAMPLES[OPERATIONS[name]](organisation)
    if asked.who is None:
        await organisation.add("tess", Role.PLATFORM_ADMIN)
    who = asked.who or await organisation.sign_in("tess")
    organisation.clock.forward(minutes=5, seconds=61)  # a sign-in may have been a step ago
    with pytest.raises(StepUpNeeded):
        await organisation.perform(asked.operation, who)


async def test_a12_what_others_would_lose_needs_a_proof_and_protecting_oneself_does_not(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    ana, tess = await organisation.sign_in("ana"), await organisation.sign_in("tess")
    token = (await organisation.perform(CreateToken(name="ci"), ana)).id
    spare = await organisation.sign_in("ana")
    (session,) = [
        s for s in (await organisation.perform(ListSessions(tenant=TENANT, user="ana"), spare)).items if s.current
    ]
    organisation.clock.forward(minutes=5, seconds=1)
    operations: list[Operation[Any]] = [
        RevokeToken(tenant=TENANT, token=token),
        EndSession(tenant=TENANT, user="ana", session=session.id),
        EndOtherSessions(tenant=TENANT, user="ana"),
    ]
    for operation in operations:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tess)
    for operation in operations:
        await organisation.perform(operation, ana)


async def test_a12_new_people_come_without_a_proof_and_roles_and_addresses_do_not(organisation: Organisation) -> None:
    await organisation.add("ana", email="ana@acme.example")
    await organisation.perform(CreateUser(tenant=TENANT, login="newt"))
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    tess = await organisation.sign_in("tess")
    organisation.clock.forward(minutes=5, seconds=1)
    plain: list[Operation[Any]] = [
        CreateUser(tenant=TENANT, login="bob", password=PASSWORD),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "carl"), NewUser(3, "ana", name="Ana"))),
    ]
    for operation in plain:
        await organisation.perform(operation, tess)
    guarded: list[Operation[Any]] = [
        CreateUser(tenant=TENANT, login="dora", role=Role.HELPDESK),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "dora", role=Role.HELPDESK),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="eve@elsewhere.example"),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", phone="+420601234567"),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "newt", password=PASSWORD),)),
    ]
    for operation in guarded:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tess)
