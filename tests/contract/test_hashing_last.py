"""A slow hash is spent only on valid challenges, sessions or tokens, and never on a request refused anyway.

An unknown login (A19) costs one hash, like a known one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import argon2
import pytest

from secconsole.domain.errors import Busy, Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, SecconsoleError, Stale
from secconsole.domain.helpdesk import PasswordChange
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.model import SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Credential, Nobody, Source
from secconsole.operations.invitations import InviteUsers
from secconsole.operations.jobs import AdvanceJob, PauseJob, ResumeJob, ShowJob, StartJob
from secconsole.operations.reset import ResetUser
from secconsole.operations.signin import ChoosePassword, SignIn
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser
from secconsole.service.factors.hash_pool import PLACES, Lane
from secconsole.service.registry import HANDLERS
from tests.organisation import PASSWORD, ROOT, TENANT, Organisation
from tests.store.examples import EXAMPLES

WEAK = Secret("passwordpassword")
MADE_UP = Secret("a-challenge-that-nobody-was-ever-given-0000000")


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the slow hashes that were computed, in order."""
    done: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(argon2.PasswordHasher, name)

        def counted(self: argon2.PasswordHasher, *given: Any, _real: Any = real, _name: str = name) -> Any:
            done.append(_name)
            return _real(self, *given)

        monkeypatch.setattr(argon2.PasswordHasher, name, counted)
    return done


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_no_hash_is_computed_for_an_invalid_bearer(
    organisation: Organisation, spent: list[str], name: str
) -> None:
    asked = await EXAMPLES[OPERATIONS[name]](organisation)
    spent.clear()
    if name == "sign-in":  # the one that accepts a password from any caller, see below
        return
    operation = asked.operation
    if hasattr(operation, "challenge"):
        operation = type(operation)(
            **{f: getattr(operation, f) for f in operation.__slots__ if f != "challenge"}, challenge=MADE_UP
        )
    for who in (Nobody(), Bearer(MADE_UP), Bearer(Secret("secconsole_pat_made-up"))):
        with suppress(SecconsoleError):
            await organisation.perform(operation, who)
    assert spent == []


def test_every_hashing_operation_is_tested_here() -> None:
    hashing = {kind.spec.name for kind, handler in HANDLERS.items() if handler.hashes or handler.reserve}
    assert hashing == {
        "challenge.start",
        "sign-in",
        "step-up",
        "sign-in.new-password",
        "password.change",
        "tenant.create",
        "user.create",
        "user.import",
        "user.reset-password",
        "user.reset",
        "user.invite",
        "job.advance",
    }


async def test_a_job_hashes_only_for_its_driver_and_only_while_it_runs(
    organisation: Organisation, spent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("users.invitations", "jobs.job_acts", "jobs.job_preview"):
        monkeypatch.setattr(f"secconsole.service.handlers.{module}.can_send", lambda *_: True)
    for login in ("tom", "tina"):
        await organisation.add(login, Role.TENANT_ADMIN)
    await organisation.add("ana", email="ana@acme.example")
    tom, tina = await organisation.sign_in("tom"), await organisation.sign_in("tina")
    reset = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, users=("ana",), reason="leak")
    job = await organisation.perform(reset, tom)
    advance = AdvanceJob(tenant=TENANT, job=job.id)
    spent.clear()
    with pytest.raises(Stale):
        await organisation.perform(advance, tina)
    await organisation.perform(PauseJob(tenant=TENANT, job=job.id), tom)
    with pytest.raises(Stale):
        await organisation.perform(advance, tom)
    await organisation.perform(ResumeJob(tenant=TENANT, job=job.id), tom)
    assert spent == []
    job = await organisation.perform(advance, tom)
    assert (job.done, spent) == (1, ["hash"])
    assert (await organisation.perform(advance, tom), spent) == (job, ["hash"])


@pytest.mark.parametrize("kind", [JobKind.RESET_PASSWORD, JobKind.INVITE])
@pytest.mark.parametrize("without_mail", [False, True])
async def test_a_job_hashes_only_the_passwords_that_it_stores(
    organisation: Organisation, spent: list[str], kind: JobKind, without_mail: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.service.handlers.users.invitations.can_send", lambda *_: True)
    monkeypatch.setattr("secconsole.service.handlers.jobs.job_acts.can_send", lambda *_: True)
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("equal", Role.TENANT_ADMIN, email="equal@acme.example")
    await organisation.add("ana", email="ana@acme.example")
    await organisation.add("nomail")
    for login, email in (("new", "new@acme.example"), ("new-nomail", "")):
        await organisation.perform(CreateUser(tenant=TENANT, login=login, email=email))
    wanted = ("equal", "tom", "ana", "nomail", "new", "new-nomail", "nobody")
    tom = await organisation.sign_in("tom")
    job = await organisation.perform(StartJob(tenant=TENANT, kind=kind, users=wanted, without_mail=without_mail), tom)
    spent.clear()
    job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id), tom)
    items = (await organisation.perform(ShowJob(tenant=TENANT, job=job.id, state=ItemState.DONE))).items
    reached = {"new"} if kind is JobKind.INVITE else {"ana", "nomail"} if without_mail else {"ana"}
    assert ({item.login for item in items}, job.pending) == (reached, 0)
    assert spent == ["hash"] * len(reached)


async def test_a_user_who_can_be_reset_only_since_the_hashing_is_done_by_the_next_step(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await organisation.add("ana")
    reset = StartJob(tenant=TENANT, kind=JobKind.RESET_PASSWORD, users=("ana",), without_mail=True)
    job = await organisation.perform(reset)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("secconsole.service.handlers.jobs.job_steps.new_passwords", lambda *_: {})
        job = await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))
    (item,) = (await organisation.perform(ShowJob(tenant=TENANT, job=job.id))).items
    assert (job.state, job.pending, item.state, item.at) == (JobState.RUNNING, 1, ItemState.PENDING, None)
    assert (await organisation.perform(AdvanceJob(tenant=TENANT, job=job.id))).done == 1


async def test_only_the_passwords_of_users_who_can_be_invited_are_hashed(
    organisation: Organisation, spent: list[str]
) -> None:
    await organisation.add("own", email="own@acme.example")
    for login, email in (("ana", "ana@acme.example"), ("nomail", "")):
        await organisation.perform(CreateUser(tenant=TENANT, login=login, email=email))
    invite = InviteUsers(tenant=TENANT, users=("own", "nomail", "nobody", "ana"))
    spent.clear()
    with pytest.raises(Conflict):  # mail is not set up
        await organisation.perform(invite)
    assert spent == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secconsole.service.handlers.users.invitations.can_send", lambda *_: True)
        assert [user.login for user in (await organisation.perform(invite)).invited] == ["ana"]
    assert spent == ["hash"]


async def test_a19_an_unknown_login_costs_one_hash_like_any_other(organisation: Organisation, spent: list[str]) -> None:
    for login in (ROOT, "nobody"):
        spent.clear()
        await organisation.start(login, WEAK)
        assert spent == ["verify"], login


async def test_a_new_password_at_sign_in_is_hashed_only_if_accepted(
    organisation: Organisation, spent: list[str]
) -> None:
    await organisation.add("ana")
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    started = await organisation.start("ana", reset.password)
    assert started.status is SignInStatus.NEW_PASSWORD
    assert started.challenge is not None
    spent.clear()
    for password in (Secret("short"), WEAK, Secret("ana ana ana ana ana")):
        with pytest.raises(Invalid):
            await organisation.perform(ChoosePassword(challenge=started.challenge, password=password), Nobody())
    over = await organisation.perform(ChoosePassword(challenge=MADE_UP, password=PASSWORD), Nobody())
    assert (over.status, spent) == (SignInStatus.REFUSED, [])
    done = await organisation.perform(ChoosePassword(challenge=started.challenge, password=PASSWORD), Nobody())
    assert (done.status, spent) == (SignInStatus.COMPLETE, ["hash"])
    again = await organisation.perform(ChoosePassword(challenge=started.challenge, password=PASSWORD), Nobody())
    assert (again.status, spent) == (SignInStatus.REFUSED, ["hash"])


async def test_a_refused_operation_of_an_administrator_is_not_hashed(
    organisation: Organisation, spent: list[str]
) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tom, ana = await organisation.sign_in("tom"), await organisation.sign_in("ana")
    organisation.clock.forward(minutes=6)
    spent.clear()
    refused: list[tuple[Operation[Any], Credential | None, type[SecconsoleError]]] = [
        (CreateUser(tenant=TENANT, login="bob", password=WEAK), None, Invalid),
        (CreateUser(tenant=TENANT, login="no good", password=PASSWORD), None, Invalid),
        (CreateUser(tenant=TENANT, login="ana", password=PASSWORD), None, Conflict),
        (CreateUser(tenant=TENANT, login="bob", phone="12", password=PASSWORD), None, Invalid),
        (CreateUser(tenant="elsewhere", login="bob", password=PASSWORD), tom, NotFound),
        (CreateUser(tenant=TENANT, login="bob", role=Role.PLATFORM_ADMIN, password=PASSWORD), tom, NotAllowed),
        (CreateUser(tenant=TENANT, login="bob", role=Role.HELPDESK, password=PASSWORD), tom, NotAllowed),
        (CreateUser(tenant=TENANT, login="bob", password=PASSWORD), ana, NotAllowed),
        (ResetPassword(tenant=TENANT, user="nobody"), None, NotFound),
        (ResetPassword(tenant=TENANT, user="ana"), tom, NotAllowed),
        (ResetPassword(tenant=TENANT, user=ROOT), tom, NotAllowed),
        (ResetUser(tenant=TENANT, user="ana", reason="lost", password=PasswordChange.MAIL), None, Conflict),
        (ResetUser(tenant=TENANT, user="ana", reason="lost", password=PasswordChange.SHOW), tom, NotAllowed),
        (ChangePassword(password=PASSWORD), None, Conflict),
        (ChangePassword(password=PASSWORD), tom, NotAllowed),
        (CreateTenant(name="acme", admin="root", password=PASSWORD), None, Conflict),
        (CreateTenant(name="/", admin="root", password=PASSWORD), None, Invalid),
        (CreateTenant(name="beta", admin="no good", password=PASSWORD), None, Invalid),
        (CreateTenant(name="beta", admin="bea", password=WEAK), None, Invalid),
        (ImportUsers(tenant=TENANT, users=(NewUser(2, "bob", password=PASSWORD),)), tom, NotAllowed),
    ]
    for operation, who, error in refused:
        with pytest.raises(error):
            await organisation.perform(operation, who)
        assert spent == [], operation
    with pytest.raises(Invalid):
        await organisation.perform(ChangePassword(password=WEAK), await organisation.prove(tom))
    assert spent == ["verify"]  # the proof's


async def test_an_import_hashes_only_stored_passwords(organisation: Organisation, spent: list[str]) -> None:
    await organisation.add("ana")
    lines = (
        NewUser(2, "ana", password=PASSWORD),  # has one already
        NewUser(3, "bob", password=WEAK),
        NewUser(4, "no good", password=PASSWORD),
        NewUser(5, "cyd", password=PASSWORD),
        NewUser(6, "cyd", password=PASSWORD),
        NewUser(7, "dan", role="king", password=PASSWORD),
        NewUser(8, "eve", email="nowhere", password=PASSWORD),
    )
    spent.clear()
    for given in ({"check_only": True}, {"all_or_nothing": True}):
        await organisation.perform(ImportUsers(tenant=TENANT, users=lines, **given))
    assert spent == []
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    assert (done.created, done.unchanged, [r.line for r in done.rejected]) == (1, 1, [3, 4, 6, 7, 8])
    assert spent == ["hash"]


async def test_a_sign_in_rejected_by_a_full_queue_counts_no_failure(
    organisation: Organisation, spent: list[str]
) -> None:
    passwords = organisation.backend.passwords
    taken = []
    for number in range(PLACES[Lane.SIGN_IN] * 100):
        try:
            taken.append(passwords.place(Lane.SIGN_IN, f"source {number}"))
        except Busy:
            break
    answer = set()
    for _ in range(7):  # more than would hold the account back
        for login in (ROOT, "nobody"):
            with pytest.raises(Busy) as busy:
                await organisation.backend.perform_as(
                    SignIn(tenant=TENANT, login=login, password=WEAK), Nobody(), organisation.backend._source
                )
            answer.add(busy.value.message)
    assert len(answer) == 1
    assert spent == []
    for place in taken:
        place.release()
    assert (await organisation.start(ROOT)).status is SignInStatus.COMPLETE


async def test_guesses_from_many_addresses_take_no_slots_of_known_networks(
    organisation: Organisation, spent: list[str]
) -> None:
    backend, passwords = organisation.backend, organisation.backend.passwords
    office, hotel = Source("api", "192.0.2.7"), Source("api", "198.51.100.7")
    right = SignIn(tenant=TENANT, login=ROOT, password=PASSWORD)
    unknown = SignIn(tenant=TENANT, login="nobody", password=WEAK)
    wrong = SignIn(tenant=TENANT, login=ROOT, password=WEAK)
    assert (await backend.perform_as(wrong, Nobody(), hotel)).status is SignInStatus.REFUSED
    assert (await backend.perform_as(right, Nobody(), office)).status is SignInStatus.COMPLETE
    with suppress(Busy):
        for number in range(PLACES[Lane.SIGN_IN] * 100):
            passwords.place(Lane.SIGN_IN, f"source {number}")
    for operation in (right, unknown, wrong):
        with pytest.raises(Busy):
            await backend.perform_as(operation, Nobody(), hotel)
    assert (await backend.perform_as(right, Nobody(), office)).status is SignInStatus.COMPLETE
    spent.clear()
    assert (await backend.perform_as(unknown, Nobody(), office)).status is SignInStatus.REFUSED
    assert (await backend.perform_as(wrong, Nobody(), office)).status is SignInStatus.REFUSED
    assert spent == ["verify"] * 2, "of the login nothing is learnt by it"


async def test_an_unauthenticated_caller_is_asked_to_sign_in_first(
    organisation: Organisation, spent: list[str]
) -> None:
    with pytest.raises(NotSignedIn):
        await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "x", password=PASSWORD),)), Nobody())
    assert spent == []
