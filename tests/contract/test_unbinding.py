"""Unbinding and undoing it, the whitelist, the policy, and their permissions."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Stale,
    StepUpNeeded,
    Unavailable,
)
from secconsole.domain.model import BindingStatus, Flag, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, RemoveFactor, VerifyCode
from secconsole.operations.policy import PreviewPolicy, SetPolicy, ShowPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import StartBinding, WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist, RemoveFromWhitelist
from secconsole.service.context import when
from secconsole.store.audit_log.audit_chain import check_chain
from secconsole.store.tenants import tenant_by_name
from tests.organisation import PASSWORD, ROOT, TENANT, Organisation, seed_of


async def status(organisation: Organisation, login: str) -> BindingStatus:
    return (await organisation.perform(ShowUser(tenant=TENANT, user=login))).user.status


async def test_z5_unbind_and_bind_again(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    bearer = await organisation.sign_in("ana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone", ticket="T-17"))
    assert [u.login for u in done.unbound] == ["ana"]
    assert await status(organisation, "ana") is BindingStatus.UNBOUND
    old = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert not (await organisation.perform(old)).accepted
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), bearer)
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL


async def test_a33_an_unbinding_is_audited(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone", ticket="T-17"))
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items
    assert (entry.target, entry.reason, entry.ticket) == ("ana", "lost phone", "T-17")
    assert entry.actor.startswith("local:")
    assert entry.details["event"] == done.event


async def test_undo_within_ten_minutes_restores_the_same_phone(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    used = organisation.code("ana", steps=-1)
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    organisation.clock.forward(minutes=9, seconds=29)
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert [u.login for u in undone.restored] == ["ana"]
    assert await status(organisation, "ana") is BindingStatus.BOUND
    assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=used))).accepted
    fresh = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(fresh)).accepted
    with pytest.raises(Conflict, match="already"):
        await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))


async def test_undo_restores_factors_and_recovery_codes_but_no_sessions(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    codes = (await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))).codes
    bearer = await organisation.sign_in("ana")
    token = Bearer((await organisation.perform(CreateToken(name="ci"), bearer)).token)
    look = ListFactors(tenant=TENANT, user="ana")
    before = (await organisation.perform(look)).items
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    assert (await organisation.perform(look)).items == ()
    verify = VerifyCode(tenant=TENANT, user="ana", code=codes[0])
    assert not (await organisation.perform(verify)).accepted
    await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert (await organisation.perform(look)).items == before
    assert (await organisation.perform(verify)).accepted
    for credential in (bearer, token):
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), credential)


async def test_undo_ends_after_ten_minutes_and_the_key_is_erased(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    organisation.clock.forward(minutes=10)
    with pytest.raises(Conflict, match="ten minutes"):
        await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).undo is None
    sealed = organisation.backend.store.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM factors WHERE sealed IS NOT NULL").scalar_one()
    )
    assert sealed.result() == 0


async def test_undo_does_not_override_a_new_binding(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    await organisation.bind("ana")
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert undone.restored == ()
    assert [f.login for f in undone.failed] == ["ana"]


async def test_unbinding_many_reports_each_user(organisation: Organisation) -> None:
    for login in ("ana", "bob", "eve"):
        await organisation.add(login)
    await organisation.bind("ana")
    await organisation.perform(EnrollFactor(tenant=TENANT, user="bob"))
    users = ("ana", "bob", "eve", "nobody", "ANA")
    looked = await organisation.perform(PreviewUnbind(tenant=TENANT, users=users))
    assert (looked.bound, looked.pending, looked.already_unbound) == (1, 1, 1)
    assert [f.login for f in looked.failed] == ["nobody"]
    done = await organisation.perform(Unbind(tenant=TENANT, users=users, reason="phones recalled"))
    assert {u.login for u in done.unbound} == {"ana", "bob"}
    assert {f.login for f in done.failed} == {"eve", "nobody"}
    more = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="again", event=done.event))
    assert more.unbound == ()


async def test_one_undo_reverts_a_continued_unbinding(organisation: Organisation) -> None:
    for login in ("ana", "bob"):
        await organisation.add(login)
        await organisation.bind(login)
    first = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="recall"))
    await organisation.perform(Unbind(tenant=TENANT, users=("bob",), reason="recall", event=first.event))
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=first.event))
    assert {u.login for u in undone.restored} == {"ana", "bob"}


@pytest.mark.alike
async def test_a_reason_is_required(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    with pytest.raises(Invalid, match="reason"):
        await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="  "))
    assert await status(organisation, "ana") is BindingStatus.BOUND


async def test_a18_targets_are_named_by_id(organisation: Organisation) -> None:
    """The id decides, even if the login belongs to another user meanwhile."""
    await organisation.add("ana")
    await organisation.bind("ana")
    id = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.id
    await organisation.add("aaron")
    await organisation.bind("aaron")
    done = await organisation.perform(Unbind(tenant=TENANT, users=(id,), reason="lost phone"))
    assert [u.login for u in done.unbound] == ["ana"]
    with pytest.raises(Invalid, match="id"):
        await organisation.add(id)


@pytest.mark.alike
async def test_a17_look_alikes_are_reported(organisation: Organisation) -> None:
    await organisation.add("marek")
    await organisation.add("mаrek", name="Mallory \u202egpj")
    looked = await organisation.perform(PreviewUnbind(tenant=TENANT, users=("marek",)))
    assert [other.login for other in looked.targets[0].look_alikes] == ["mаrek"]
    odd = await organisation.perform(PreviewUnbind(tenant=TENANT, users=("mаrek",)))
    assert [other.login for other in odd.targets[0].look_alikes] == ["marek"]
    assert any("Cyrillic" in s for s in odd.targets[0].suspicions)
    assert any("\\u202e" in s for s in odd.targets[0].suspicions)


async def test_a11_the_old_phone_works_until_the_new_one_is_confirmed(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    assert await status(organisation, "ana") is BindingStatus.BOUND
    old = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(old)).accepted
    old_seed = organisation.seeds["ana"]
    await organisation.reopen()
    again = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    with pytest.raises(NotFound):
        await organisation.perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=Secret("000000")))
    assert again.enrollment != started.enrollment
    await organisation.bind("ana")
    new_seed = organisation.seeds["ana"]
    organisation.seeds["ana"] = old_seed
    assert not (
        await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    ).accepted
    organisation.seeds["ana"] = new_seed
    assert (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))).accepted
    assert len((await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items) == 1


async def test_a11_an_unconfirmed_key_does_not_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    assert await status(organisation, "ana") is BindingStatus.PENDING
    verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana")))
    assert not verdict.accepted
    organisation.clock.forward(minutes=61)
    with pytest.raises(Conflict, match="in time"):
        await organisation.perform(
            ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
        )


async def test_the_confirming_code_cannot_be_reused(organisation: Organisation) -> None:
    await organisation.add("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    code = organisation.code("ana")
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code)
    assert (await organisation.perform(confirm)).accepted
    assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))).accepted


async def test_a34_whitelist_entries_end(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    until = when(int((organisation.clock.now + 3600) * 1000))
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="clean room", until=until))
    assert (await organisation.start("ana")).status is SignInStatus.COMPLETE
    organisation.clock.forward(minutes=60)
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    assert "ana" not in [e.login for e in (await organisation.perform(ListWhitelist(tenant=TENANT))).items]
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="whitelist.expired"))).items
    assert (entry.target, entry.reason) == ("ana", "clean room")
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.flags == ()


async def test_a34_readers_see_the_end_of_an_entry(organisation: Organisation) -> None:
    await organisation.add("ana")
    until = when(int((organisation.clock.now + 60) * 1000))
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="test", until=until))
    flags = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.flags
    assert flags == (Flag.WHITELISTED,)
    organisation.clock.forward(minutes=1)
    row = (await organisation.perform(ListUsers(tenant=TENANT))).items[0]
    assert row.login == "ana"
    assert row.flags == ()


async def test_a46_reading_works_while_writing_fails(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await organisation.add("ana")
    until = when(int((organisation.clock.now + 60) * 1000))
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="test", until=until))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    organisation.clock.forward(minutes=1)

    def full(*_: object, **__: object) -> Future[object]:
        refused: Future[object] = Future()
        refused.set_exception(Unavailable("The disk is full."))
        return refused

    with monkeypatch.context() as patched:
        patched.setattr(organisation.backend.store, "write", full)
        detail = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert detail.whitelist is None
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL


@pytest.mark.alike
async def test_z2_platform_administrators_are_whitelisted(organisation: Organisation) -> None:
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    await organisation.bind("petra")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    listed = (await organisation.perform(ListWhitelist(tenant=TENANT))).items
    assert {e.login for e in listed} == {ROOT, "petra"}
    assert (await organisation.start(ROOT)).status is SignInStatus.COMPLETE
    assert (await organisation.start("petra")).status is SignInStatus.SECOND_FACTOR, "bound: still asked"


@pytest.mark.alike
async def test_z2_removing_the_last_unbound_administrator_warns(organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    with pytest.raises(Conflict, match="lock everyone out"):
        await organisation.perform(RemoveFromWhitelist(tenant=TENANT, users=(ROOT,)))
    assert (await organisation.start(ROOT)).status is SignInStatus.COMPLETE
    done = await organisation.perform(RemoveFromWhitelist(tenant=TENANT, users=(ROOT,), accept_lockout=True))
    assert done.changed == (ROOT,)


@pytest.mark.alike
async def test_z2_no_warning_while_another_administrator_can_sign_in(organisation: Organisation) -> None:
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    await organisation.bind("petra")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    done = await organisation.perform(RemoveFromWhitelist(tenant=TENANT, users=(ROOT,)))
    assert done.changed == (ROOT,)


async def test_the_preview_matches_the_outcome(organisation: Organisation) -> None:
    for login in ("ana", "bob", "eve"):
        await organisation.add(login)
    await organisation.bind("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("bob",), reason="service account"))
    shown = await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    assert (shown.impact.users, shown.impact.bound, shown.impact.must_enroll) == (4, 1, 1)
    assert (shown.impact.whitelisted, shown.platform_admins_added, shown.whitelisted_open) == (2, 1, 2)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    after = {login: (await organisation.start(login)).status for login in ("ana", "bob", "eve", ROOT)}
    assert [s for s in after.values() if s is SignInStatus.ENROLL] == [after["eve"]]


@pytest.mark.alike
async def test_the_grace_period_admits_with_a_reminder_until_it_ends(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=7))
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.COMPLETE
    ends = datetime.fromtimestamp(organisation.clock.now, UTC) + timedelta(days=7)
    assert f"will be required from {ends:%Y-%m-%d %H:%M} UTC on" in answer.message
    organisation.clock.forward(days=7)
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL


async def test_a47_a_stale_policy_edit_is_refused(organisation: Organisation) -> None:
    seen = await organisation.perform(ShowPolicy(tenant=TENANT))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, expect=seen.version))
    with pytest.raises(Stale, match="required now"):
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL, expect=seen.version))
    assert (await organisation.perform(ShowPolicy(tenant=TENANT))).policy is PolicyMode.REQUIRED


@pytest.mark.alike
async def test_a12_security_relevant_changes_require_step_up(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.bind("tom")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    tom = await organisation.sign_in("tom")
    organisation.clock.forward(minutes=5, seconds=1)
    change = SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(change, tom)
    wrong = await organisation.perform(StepUp(password=PASSWORD, code=Secret("000000")), tom)
    assert not wrong.accepted
    no_code = await organisation.perform(StepUp(password=PASSWORD), tom)
    assert not no_code.accepted
    bad = await organisation.perform(StepUp(password=Secret("wrong"), code=organisation.code("tom")), tom)
    assert not bad.accepted
    with pytest.raises(StepUpNeeded):
        await organisation.perform(change, tom)
    tom = await organisation.prove(tom, organisation.code("tom"))
    assert (await organisation.perform(change, tom)).policy is PolicyMode.OPTIONAL


@pytest.mark.alike
async def test_helpdesk_unbinds_users_only(organisation: Organisation) -> None:
    for login, role in (("hana", Role.HELPDESK), ("tom", Role.TENANT_ADMIN), ("ana", Role.USER)):
        await organisation.add(login, role)
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))  # so that the factor is asked for
    hana = await organisation.sign_in("hana")
    done = await organisation.perform(
        Unbind(tenant=TENANT, users=("ana", "tom", "hana", ROOT), reason="lost phones"), hana
    )
    assert [u.login for u in done.unbound] == ["ana"]
    assert {f.login for f in done.failed} == {"tom", "hana", ROOT}
    with pytest.raises(NotAllowed):
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF), hana)
    with pytest.raises(NotAllowed):
        await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), hana)
    refusals = [e for e in (await organisation.perform(ListAudit(tenant=TENANT))).items if e.outcome == "refused"]
    assert {e.action for e in refusals} >= {"policy.set", "factor.enroll"}


@pytest.mark.alike
async def test_helpdesk_cannot_lock_an_administrator_out_by_wrong_codes(organisation: Organisation) -> None:
    for login, role in (("hana", Role.HELPDESK), ("petra", Role.PLATFORM_ADMIN)):
        await organisation.add(login, role)
        await organisation.bind(login)
    hana = await organisation.sign_in("hana")
    with pytest.raises(NotAllowed):
        await organisation.perform(VerifyCode(tenant=TENANT, user="petra", code=Secret("000000")), hana)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="petra"))).failures == 0


@pytest.mark.alike
async def test_no_role_grants_a_role_above_itself(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tom = await organisation.sign_in("tom")
    for operation in (
        ChangeRole(tenant=TENANT, user="ana", role=Role.PLATFORM_ADMIN),
        ChangeRole(tenant=TENANT, user=ROOT, role=Role.USER),
        CreateUser(tenant=TENANT, login="evil", role=Role.PLATFORM_ADMIN),
    ):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, tom)


@pytest.mark.alike
async def test_a_user_cannot_remove_the_last_factor_while_it_is_required(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    ana = await organisation.sign_in("ana")
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"), ana)).items
    with pytest.raises(Conflict, match="cannot remove your last factor"):
        await organisation.perform(RemoveFactor(tenant=TENANT, factor=factor.id), ana)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await organisation.perform(RemoveFactor(tenant=TENANT, factor=factor.id), ana)
    assert await status(organisation, "ana") is BindingStatus.UNBOUND


@pytest.mark.alike
async def test_binding_needs_a_sign_in_that_asks_for_it(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    with pytest.raises(Conflict):
        await organisation.perform(StartBinding(challenge=answer.challenge))


async def test_a41_the_audit_chain_is_verified(organisation: Organisation) -> None:
    for login in ("ana", "bob"):
        await organisation.add(login)
    whole = await organisation.perform(VerifyAudit(tenant=TENANT))
    assert whole.whole
    assert whole.entries >= 4
    for tamper, problem in (
        ("UPDATE audit SET actor='eve' WHERE seq=2", "changed"),
        ("DELETE FROM audit WHERE seq=2", "missing"),
        ("DELETE FROM audit WHERE seq=(SELECT max(seq) FROM audit)", "newest"),
        ("UPDATE audit_heads SET seq=seq-1", "head"),
    ):
        shown = await _tampered(organisation, tamper)
        assert not shown[0], tamper
        assert problem in shown[1], (tamper, shown)


async def _tampered(organisation: Organisation, statement: str) -> tuple[bool, str]:
    """Return the result of the check after a statement that is then rolled back."""

    def look(connection: sa.Connection) -> tuple[bool, str]:
        tenant = tenant_by_name(connection, TENANT)
        assert tenant is not None
        inner = connection.begin_nested()
        connection.exec_driver_sql(statement)
        _, broken = check_chain(connection, organisation.backend.keys, tenant.pk)
        inner.rollback()
        return broken is None, broken.problem if broken else ""

    return organisation.backend.store.write(look).result()


@pytest.mark.alike
async def test_a50_the_last_platform_administrator_cannot_be_removed(organisation: Organisation) -> None:
    """They can be neither disabled nor demoted, as the platform would have no administrator."""
    for operation in (
        DisableUser(tenant=TENANT, user=ROOT),
        ChangeRole(tenant=TENANT, user=ROOT, role=Role.USER),
    ):
        with pytest.raises(Conflict, match="last platform administrator"):
            await organisation.perform(operation)
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user=ROOT))).user.role is Role.PLATFORM_ADMIN
    await organisation.perform(DisableUser(tenant=TENANT, user="petra"))
    with pytest.raises(Conflict, match="last platform administrator"):
        await organisation.perform(ChangeRole(tenant=TENANT, user=ROOT, role=Role.AUDITOR))


@pytest.mark.alike
async def test_one_of_two_platform_administrators_may_be_removed(organisation: Organisation) -> None:
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    await organisation.perform(ChangeRole(tenant=TENANT, user=ROOT, role=Role.USER))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user=ROOT))).user.role is Role.USER
