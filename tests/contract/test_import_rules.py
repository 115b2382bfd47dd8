"""An import applies every rule of the operations on one user, line by line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from secconsole.domain.errors import Conflict, NotAllowed, SecconsoleError, StepUpNeeded
from secconsole.domain.roles import Role, may_act_on, roles_given_by
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import ChangeRole, DisableUser
from secconsole.operations.user_import import ImportResult, ImportUsers, NewUser
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from tests.organisation import PASSWORD, ROOT, TENANT, Organisation

OWN = "You cannot change your own role. Ask another administrator."
LAST = f"{ROOT} is the last platform administrator. Add another one first."


async def roles(organisation: Organisation) -> dict[str, Role]:
    page = await organisation.perform(ListUsers(tenant=TENANT))
    return {user.login: user.role for user in page.items}


async def tried(
    organisation: Organisation, lines: Sequence[NewUser], who: Bearer | None = None, tenant: str = TENANT
) -> ImportResult:
    """Import lines in each of the three modes, and check that the replies agree and that only the last one writes."""
    users = tuple(lines)
    before = await roles(organisation)
    dry = await organisation.perform(ImportUsers(tenant=tenant, users=users, check_only=True), who)
    whole = await organisation.perform(ImportUsers(tenant=tenant, users=users, all_or_nothing=True), who)
    assert whole.rejected == dry.rejected
    if dry.rejected:
        assert (whole.created, whole.updated) == (0, 0)
        assert await roles(organisation) == before
        done = await organisation.perform(ImportUsers(tenant=tenant, users=users), who)
        assert done.rejected == dry.rejected
        assert (done.created, done.updated) == (dry.created, dry.updated)
        return done
    assert (whole.created, whole.updated) == (dry.created, dry.updated)
    return whole


async def test_users_cannot_change_their_own_role_by_import(organisation: Organisation) -> None:
    await organisation.add("ada", Role.TENANT_ADMIN)
    ada = await organisation.sign_in("ada")
    done = await tried(organisation, [NewUser(2, "ada", role="user"), NewUser(3, "ADA ", role="auditor")], ada)
    assert (done.rejected[0].line, done.rejected[0].reason, len(done.rejected)) == (2, OWN, 2)
    assert (await roles(organisation))["ada"] is Role.TENANT_ADMIN
    kept = await tried(organisation, [NewUser(2, "ada", name="Ada", role="tenant-admin")], ada)
    assert (kept.updated, kept.rejected) == (1, ())


async def test_the_last_platform_administrator_cannot_be_demoted(organisation: Organisation) -> None:
    done = await tried(organisation, [NewUser(2, "new1"), NewUser(3, ROOT, role="user"), NewUser(4, "new2")])
    assert (done.created, [(r.line, r.reason) for r in done.rejected]) == (2, [(3, LAST)])
    assert (await roles(organisation))[ROOT] is Role.PLATFORM_ADMIN


async def test_lines_of_one_file_do_not_remove_the_last_one_together(organisation: Organisation) -> None:
    for login in ("petra", "paul"):
        await organisation.add(login, Role.PLATFORM_ADMIN)
    lines = [NewUser(n, login, role="user") for n, login in enumerate(("petra", ROOT, "paul"), 2)]
    done = await tried(organisation, lines)
    assert (done.updated, [r.line for r in done.rejected]) == (2, [4])
    assert (await roles(organisation))["paul"] is Role.PLATFORM_ADMIN


async def test_an_administrator_added_by_an_earlier_line_counts(organisation: Organisation) -> None:
    await organisation.add("ana")
    too_early = await tried(organisation, [NewUser(2, ROOT, role="user"), NewUser(3, "ana", role="helpdesk")])
    assert [r.line for r in too_early.rejected] == [2]
    done = await tried(organisation, [NewUser(2, "ana", role="platform-admin"), NewUser(3, ROOT, role="user")])
    assert (done.updated, done.rejected) == (2, ())
    eva = NewUser(2, "eva", role="platform-admin", password=PASSWORD)
    done = await tried(organisation, [eva, NewUser(3, "ana", role="user")])
    assert (done.created, done.updated, done.rejected) == (1, 1, ())


async def test_a_disabled_administrator_does_not_count_as_remaining(organisation: Organisation) -> None:
    await organisation.add("petra", Role.PLATFORM_ADMIN)
    await organisation.perform(DisableUser(tenant=TENANT, user="petra"))
    done = await tried(organisation, [NewUser(2, ROOT, role="user")])
    assert [r.reason for r in done.rejected] == [LAST]
    await organisation.add("ana")
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    done = await tried(organisation, [NewUser(2, "ana", role="platform-admin"), NewUser(3, ROOT, role="user")])
    assert [r.line for r in done.rejected] == [3]


async def test_a_line_with_a_password_is_not_rejected_for_another_line(organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant=TENANT, login="petra"))
    lines = [NewUser(2, "petra", password=PASSWORD), NewUser(3, "new", password=PASSWORD), NewUser(4, "a b")]
    done = await tried(organisation, lines)
    assert [r.line for r in done.rejected] == [4]


async def test_a_line_with_a_password_is_rejected_for_its_role(organisation: Organisation) -> None:
    await organisation.add("ada", Role.TENANT_ADMIN)
    ada = await organisation.sign_in("ada")
    done = await tried(organisation, [NewUser(2, "eva", role="platform-admin", password=PASSWORD)], ada)
    assert [r.reason for r in done.rejected] == ["A tenant-admin may not assign the role platform-admin."]


async def test_an_administrator_who_cannot_sign_in_does_not_count_as_remaining(organisation: Organisation) -> None:
    """A platform administrator without a password is only let in by another one."""
    petra = CreateUser(tenant=TENANT, login="petra", role=Role.PLATFORM_ADMIN)
    await organisation.perform(petra)
    with pytest.raises(Conflict, match=LAST):
        await organisation.perform(DisableUser(tenant=TENANT, user=ROOT))
    with pytest.raises(Conflict, match=LAST):
        await organisation.perform(ChangeRole(tenant=TENANT, user=ROOT, role=Role.USER))
    await organisation.perform(CreateUser(tenant=TENANT, login="ana"))
    lines = [NewUser(2, "paul", role="platform-admin"), NewUser(3, "ana", role="platform-admin")]
    done = await tried(organisation, [*lines, NewUser(4, ROOT, role="user")])
    assert [(r.line, r.reason) for r in done.rejected] == [(4, LAST)]
    done = await tried(organisation, [NewUser(2, "petra", password=PASSWORD), NewUser(3, ROOT, role="user")])
    assert [r.line for r in done.rejected] == [3], "the first line is no change of role"
    await organisation.perform(ChangeRole(tenant=TENANT, user=ROOT, role=Role.USER))


@pytest.mark.parametrize("actor", [Role.TENANT_ADMIN, Role.PLATFORM_ADMIN])
async def test_every_line_has_the_result_of_the_operation_on_one_user(organisation: Organisation, actor: Role) -> None:
    """The whole table: each role of the actor, of the user, and to be given."""
    await organisation.add("tess", actor)
    for role in Role:
        await organisation.add(f"is-{role}", role)
    for new in Role:
        for role in Role:
            tess = await organisation.sign_in("tess")
            login = f"is-{role}"
            dry = await organisation.perform(
                ImportUsers(tenant=TENANT, users=(NewUser(2, login, role=new),), check_only=True), tess
            )
            try:
                await organisation.perform(ChangeRole(tenant=TENANT, user=login, role=new), tess)
                refused = False
            except SecconsoleError:
                refused = True
            if new is role:
                assert dry.unchanged == 1, "an import of all users names those of higher rank too"
                continue
            assert bool(dry.rejected) is refused, (role, new)
            needs_approval = actor is role is Role.PLATFORM_ADMIN
            may_change = may_act_on(actor, role) and new in roles_given_by(actor) and not needs_approval
            assert refused is not may_change, (role, new)
            await organisation.perform(ChangeRole(tenant=TENANT, user=login, role=role))
        tess = await organisation.sign_in("tess")
        made = ImportUsers(tenant=TENANT, users=(NewUser(2, f"new-{new}", role=new),), check_only=True)
        dry = await organisation.perform(made, tess)
        answer: list[str] = []
        try:
            await organisation.perform(CreateUser(tenant=TENANT, login=f"new-{new}", role=new), tess)
        except NotAllowed as error:
            answer.append(error.message)
        assert [rejected.reason for rejected in dry.rejected] == answer


async def test_a12_passwords_roles_and_foreign_tenants_require_step_up(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta"))
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    await organisation.add("ana", Role.AUDITOR)
    tess = await organisation.sign_in("tess")
    organisation.clock.forward(minutes=6)
    guarded = [
        (TENANT, NewUser(2, "bob", password=PASSWORD)),
        (TENANT, NewUser(2, "ana", password=PASSWORD)),
        (TENANT, NewUser(2, "not valid at all", password=PASSWORD)),
        (TENANT, NewUser(2, "bob", role="helpdesk")),
        (TENANT, NewUser(2, "ana", role="user")),
        (TENANT, NewUser(2, "ana", name="Ana")),
        ("beta", NewUser(2, "bob")),
    ]
    for tenant, line in guarded:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(ImportUsers(tenant=tenant, users=(line,)), tess)
        await organisation.perform(ImportUsers(tenant=tenant, users=(line,), check_only=True), tess)
    plain = await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "bob", name="Bob"),)), tess)
    assert plain.created == 1
    proved = await organisation.prove(tess)
    for tenant, line in guarded[3:]:
        done = await organisation.perform(ImportUsers(tenant=tenant, users=(line,)), proved)
        assert done.rejected == ()


async def test_users_who_lose_or_gain_a_role_by_an_import_are_signed_out(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", role="helpdesk"),)))
    with pytest.raises(SecconsoleError):
        await organisation.perform(ShowUser(tenant=TENANT, user="ana"), ana)
    page = await organisation.perform(ListAudit(tenant=TENANT, action="user.role-changed"))
    assert page.items[0].details == {"before": "user", "after": "helpdesk", "sessions_ended": 1}
