"""One example of every operation that does something, on a small organisation.

Whoever declares an operation adds an example here: a test says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword, KeepFactor
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Credential, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, RemoveFactor, VerifyCode
from secconsole.operations.policy import ExplainSignIn, PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.signin import (
    ChoosePassword,
    ConfirmBinding,
    SignIn,
    SignOut,
    StartBinding,
    StepUp,
    VerifySignIn,
    WhoAmI,
)
from secconsole.operations.tenants import CreateTenant, ListTenants, ShowAdoption
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UndoUnbind
from secconsole.operations.users import (
    ChangeRole,
    CountUsers,
    CreateUser,
    DisableUser,
    EnableUser,
    FindPosition,
    ImportUsers,
    ListUsers,
    NewUser,
    RequireMfa,
    ResetPassword,
    ShowUser,
    UnlockUser,
)
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist, RemoveFromWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

ANOTHER = Secret("another quite long password 77")
WRONG_CODE = Secret("000000")


@dataclass(frozen=True)
class Asked:
    """An operation, and who asks for it (None: the owner of the store)."""

    operation: Operation[Any]
    who: Credential | None = None


Example = Callable[[Organisation], Awaitable[Asked]]
EXAMPLES: dict[type[Operation[Any]], Example] = {}


def of(operation: type[Operation[Any]]) -> Callable[[Example], Example]:
    def add(example: Example) -> Example:
        EXAMPLES[operation] = example
        return example

    return add


def simple(operation: Operation[Any]) -> None:
    """An example that needs nothing but ana, who has a phone."""

    async def example(organisation: Organisation) -> Asked:
        await ana_bound(organisation)
        return Asked(operation)

    EXAMPLES[type(operation)] = example


async def ana_bound(organisation: Organisation) -> None:
    await organisation.add("ana", name="Ana")
    await organisation.bind("ana")


async def required(organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))


async def enrolled(organisation: Organisation, login: str) -> str:
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user=login))
    organisation.seeds[login] = seed_of(started.key)
    return started.enrollment


async def challenge(organisation: Organisation, login: str, status: SignInStatus) -> Secret[str]:
    answer = await organisation.start(login)
    assert answer.status is status
    assert answer.challenge is not None
    return answer.challenge


for _operation in (
    ListAudit(tenant=TENANT),
    VerifyAudit(tenant=TENANT),
    ListFactors(tenant=TENANT, user="ana"),
    EnrollFactor(tenant=TENANT, user="ana", label="old phone"),
    CreateRecoveryCodes(tenant=TENANT, user="ana"),
    ShowPolicy(tenant=TENANT),
    PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED),
    SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL),
    ExplainSignIn(tenant=TENANT, user="ana", address="203.0.113.9"),
    ListSessions(tenant=TENANT, user="ana"),
    ListTenants(),
    ShowAdoption(tenant=TENANT),
    CreateTenant(name="beta", admin="bea", password=ANOTHER),
    PreviewUnbind(tenant=TENANT, users=("ana",)),
    Unbind(tenant=TENANT, users=("ana",), reason="lost", ticket="T-1"),
    ListUsers(tenant=TENANT),
    CountUsers(tenant=TENANT),
    FindPosition(tenant=TENANT, user="ana"),
    ShowUser(tenant=TENANT, user="ana"),
    CreateUser(tenant=TENANT, login="ben", password=ANOTHER),
    ImportUsers(tenant=TENANT, users=(NewUser(1, "ben", password=ANOTHER), NewUser(2, "ana", role="auditor"))),
    DisableUser(tenant=TENANT, user="ana", reason="left"),
    ChangeRole(tenant=TENANT, user="ana", role=Role.AUDITOR),
    ResetPassword(tenant=TENANT, user="ana"),
    RequireMfa(tenant=TENANT, user="ana"),
    ListWhitelist(tenant=TENANT),
    AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"),
    SignIn(tenant=TENANT, login="ana", password=PASSWORD),
):
    simple(_operation)


@of(VerifyCode)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    return Asked(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))


@of(ConfirmFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    enrollment = await enrolled(organisation, "ana")
    return Asked(ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=organisation.code("ana")))


@of(RemoveFactor)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    return Asked(RemoveFactor(tenant=TENANT, factor=shown.factors[0].id))


@of(UndoUnbind)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    return Asked(UndoUnbind(tenant=TENANT, event=done.event))


@of(EnableUser)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    return Asked(EnableUser(tenant=TENANT, user="ana"))


@of(UnlockUser)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=Secret("not a code")))
    return Asked(UnlockUser(tenant=TENANT, user="ana"))


@of(RemoveFromWhitelist)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phone"))
    return Asked(RemoveFromWhitelist(tenant=TENANT, users=("ana",)))


@of(VerifySignIn)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await required(organisation)
    token = await challenge(organisation, "ana", SignInStatus.SECOND_FACTOR)
    return Asked(VerifySignIn(challenge=token, factor="", code=organisation.code("ana")), Nobody())


@of(StartBinding)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await required(organisation)
    return Asked(StartBinding(challenge=await challenge(organisation, "ana", SignInStatus.ENROLL)), Nobody())


@of(ConfirmBinding)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await required(organisation)
    token = await challenge(organisation, "ana", SignInStatus.ENROLL)
    started = await organisation.perform(StartBinding(challenge=token), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmBinding(challenge=token, enrollment=started.enrollment, code=organisation.code("ana"))
    return Asked(confirm, Nobody())


@of(ChoosePassword)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    answer = await organisation.start("ana", reset.password)
    assert answer.challenge is not None
    return Asked(ChoosePassword(challenge=answer.challenge, password=ANOTHER), Nobody())


@of(WhoAmI)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    return Asked(WhoAmI(), await organisation.sign_in("ana"))


@of(StepUp)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    bearer = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=6)
    return Asked(StepUp(password=PASSWORD, code=organisation.code("ana")), bearer)


@of(SignOut)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(SignOut(), await organisation.sign_in("ana"))


@of(EndSession)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    bearer = await organisation.sign_in("ana")
    listed = await organisation.perform(ListSessions(tenant=TENANT, user="ana"))
    return Asked(EndSession(tenant=TENANT, user="ana", session=listed.items[0].id), bearer)


@of(EndOtherSessions)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    await organisation.sign_in("ana")
    return Asked(EndOtherSessions(tenant=TENANT, user="ana"), await organisation.sign_in("ana"))


@of(ChangePassword)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(ChangePassword(password=ANOTHER), await organisation.sign_in("ana"))


@of(KeepFactor)
async def _(organisation: Organisation) -> Asked:
    await organisation.add("ana")
    return Asked(KeepFactor(), await organisation.sign_in("ana"))


@of(ViewRecoveryCodes)
async def _(organisation: Organisation) -> Asked:
    await ana_bound(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, recovery_view=True))
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    return Asked(ViewRecoveryCodes(), await organisation.sign_in("ana"))


READING = [operation for operation in OPERATIONS.values() if not operation.spec.writes]
WRITING = [operation for operation in OPERATIONS.values() if operation.spec.writes]


def secrets_in(value: object) -> Iterator[str]:
    """The text of every secret within an operation or a reply."""
    if isinstance(value, Secret):
        text = value.reveal()
        if isinstance(text, str):
            yield text
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from secrets_in(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_in(item)
