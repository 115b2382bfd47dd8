"""Changes of one user, and the fields that they leave alone."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from secconsole.domain.roles import Role
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import PreviewUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, RenameUser
from secconsole.operations.users import CountUsers, CreateUser, ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import TENANT, Organisation


@pytest.mark.alike
async def test_a_change_to_the_current_value_changes_nothing(organisation: Organisation) -> None:
    await organisation.add("ana")
    disabled = await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    assert await organisation.perform(DisableUser(tenant=TENANT, user="ana")) == disabled
    enabled = await organisation.perform(EnableUser(tenant=TENANT, user="ana"))
    assert await organisation.perform(EnableUser(tenant=TENANT, user="ana")) == enabled
    assert await organisation.perform(ChangeRole(tenant=TENANT, user="ana", role=Role.USER)) == enabled


async def test_a_renamed_user_is_found_by_the_new_values_and_keeps_sessions_and_factors(
    organisation: Organisation,
) -> None:
    await organisation.add("mlindqvist", name="Maria Lindquist", email="old@acme.example")
    await organisation.bind("mlindqvist")
    session = await organisation.sign_in("mlindqvist")
    changed = await organisation.perform(
        RenameUser(
            tenant=TENANT, user="mlindqvist", login="maria", name="Maria Lindqvist", email="", phone="+420601123456"
        )
    )
    assert (changed.user.login, changed.user.name) == ("maria", "Maria Lindqvist")
    assert (changed.user.email, changed.user.phone) == ("", "+420601123456")
    for word, count in (("lindqvist", 1), ("lindquist", 0), ("old@acme", 0)):
        found = await organisation.perform(CountUsers(tenant=TENANT, filter=UserFilter(words=(word,))))
        assert found.count == count
    detail = await organisation.perform(ShowUser(tenant=TENANT, user="maria"), session)
    assert [factor.kind for factor in detail.factors] == ["totp"]
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="user.renamed"))).items[0]
    assert entry.details["before"] == "email: o•••@acme.example, login: mlindqvist, name: Maria Lindquist, phone: "
    assert entry.details["after"] == "email: , login: maria, name: Maria Lindqvist, phone: ••• 456"
    assert "old@acme.example" not in str(entry.details)
    (answer,) = (await organisation.perform(ListAudit(tenant=TENANT, action="account.contact-changed"))).items
    assert answer.details["after"] == "no address"


async def test_a_rename_to_the_same_values_changes_nothing(organisation: Organisation) -> None:
    await organisation.add("ana", name="Ana")
    before = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    changed = await organisation.perform(RenameUser(tenant=TENANT, user="ana", login="ana", name="Ana"))
    assert (changed.user, changed.version) == (before.user, before.version)


@pytest.mark.parametrize(("login", "error"), [("BEN", Conflict), ("b en", Invalid), ("", Invalid)])
async def test_a_taken_or_invalid_login_is_refused(
    organisation: Organisation, login: str, error: type[Exception]
) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    for operation in (
        CreateUser(tenant=TENANT, login=login),
        RenameUser(tenant=TENANT, user="ana", login=login),
        RenameUser(tenant=TENANT, user="ana", login=login, check_only=True),
    ):
        with pytest.raises(error):
            await organisation.perform(operation)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.login == "ana"


@pytest.mark.alike
async def test_a_look_alike_login_is_reported_and_not_refused(organisation: Organisation) -> None:
    made = await organisation.perform(CreateUser(tenant=TENANT, login="ben"))
    assert made.look_alikes == ()
    cyrillic = "bеn"
    created = await organisation.perform(CreateUser(tenant=TENANT, login=cyrillic))
    assert [other.id for other in created.look_alikes] == [made.user.id]
    away = await organisation.perform(RenameUser(tenant=TENANT, user=cyrillic, login="benedict"))
    assert away.look_alikes == ()
    for check_only in (True, False):
        wanted = RenameUser(tenant=TENANT, user="benedict", login=cyrillic, check_only=check_only)
        back = await organisation.perform(wanted)
        assert (back.user.login, [other.id for other in back.look_alikes]) == (cyrillic, [made.user.id])


@pytest.mark.alike
async def test_users_with_the_same_name_are_reported(organisation: Organisation) -> None:
    made = await organisation.perform(CreateUser(tenant=TENANT, login="jan.novak", name="Jan Novák"))
    other = await organisation.perform(CreateUser(tenant=TENANT, login="jnovak2", name="jan novak"))
    assert [(found.id, found.same_name) for found in other.look_alikes] == [(made.user.id, True)]
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="jan.novak"))
    assert [(found.login, found.same_name) for found in shown.look_alikes] == [("jnovak2", True)]
    (target,) = (await organisation.perform(PreviewUnbind(tenant=TENANT, users=("jnovak2",)))).targets
    assert [found.id for found in target.look_alikes] == [made.user.id]
    renamed = await organisation.perform(RenameUser(tenant=TENANT, user="jnovak2", name="Jana Nováková"))
    assert renamed.look_alikes == ()
    back = await organisation.perform(RenameUser(tenant=TENANT, user="jnovak2", name="JAN NOVÁK"))
    assert [found.login for found in back.look_alikes] == ["jan.novak"]
    nameless = [await organisation.perform(CreateUser(tenant=TENANT, login=login)) for login in ("one", "two")]
    assert [found.look_alikes for found in nameless] == [(), ()]


@pytest.mark.alike
async def test_a_checked_rename_changes_nothing(organisation: Organisation) -> None:
    await organisation.add("ana")
    before = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    entries = (await organisation.perform(ListAudit(tenant=TENANT))).items
    wanted = RenameUser(tenant=TENANT, user="ana", login="anna", name="Anna", phone="+420 601 123 456", check_only=True)
    checked = await organisation.perform(wanted)
    assert (checked.user.login, checked.user.name, checked.user.phone) == ("anna", "Anna", "+420601123456")
    assert await organisation.perform(ShowUser(tenant=TENANT, user="ana")) == before
    assert (await organisation.perform(ListAudit(tenant=TENANT))).items == entries
    for wrong in ({"phone": "12"}, {"email": "no address"}, {"name": "x" * 2000}):
        with pytest.raises(Invalid):
            await organisation.perform(RenameUser(tenant=TENANT, user="ana", check_only=True, **wrong))


@pytest.mark.alike
async def test_renaming_a_user_of_higher_rank_is_refused(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("ana")
    tom, hana = await organisation.sign_in("tom"), await organisation.sign_in("hana")
    for who, user in ((tom, "root"), (hana, "ana")):
        with pytest.raises(NotAllowed):
            await organisation.perform(RenameUser(tenant=TENANT, user=user, name="x"), who)


@pytest.mark.parametrize("login", ["ANA", " ana ", "anna", "a" * 128])
async def test_a_login_may_change_its_case_and_back(organisation: Organisation, login: str) -> None:
    await organisation.add("ana")
    await organisation.add("аnа", name="her look-alike, with Cyrillic letters")
    changed = await organisation.perform(RenameUser(tenant=TENANT, user="ana", login=login))
    assert changed.user.login == login.strip()
    back = await organisation.perform(RenameUser(tenant=TENANT, user=changed.user.id, login=login.strip().upper()))
    assert back.user.login == login.strip().upper()


@pytest.mark.alike
@pytest.mark.parametrize(
    "login", ["a" * 129, "a/b", "-ana", "key:ana", "..", "a\u200bna", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]
)
async def test_a_login_that_cannot_be_created_cannot_be_renamed_to(organisation: Organisation, login: str) -> None:
    await organisation.add("ana")
    for operation in (
        CreateUser(tenant=TENANT, login=login),
        RenameUser(tenant=TENANT, user="ana", login=login),
    ):
        with pytest.raises(Invalid):
            await organisation.perform(operation)


async def test_of_two_concurrent_renames_to_one_login_one_succeeds(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    results = await asyncio.gather(
        *(organisation.perform(RenameUser(tenant=TENANT, user=user, login="eve")) for user in ("ana", "ben")),
        return_exceptions=True,
    )
    (lost,) = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(lost, Conflict)
    (won,) = [result for result in results if not isinstance(result, BaseException)]
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="eve"))).user.id == won.user.id
    assert (await organisation.perform(CountUsers(tenant=TENANT))).total == 3  # with root


async def test_a_new_login_keeps_everything_of_the_account(organisation: Organisation) -> None:
    await organisation.add("ana", email="ana@acme.example")
    await organisation.bind("ana")
    ana = await organisation.sign_in("ana")
    token = Bearer((await organisation.perform(CreateToken(name="ci"), ana)).token)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="no phones in the lab"))
    before = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    await organisation.perform(RenameUser(tenant=TENANT, user="ana", login="anna"))
    for who in (ana, token):
        assert (await organisation.perform(WhoAmI(), who)).login == "anna"
    after = await organisation.perform(ShowUser(tenant=TENANT, user="anna"))
    assert (after.sessions, after.tokens, after.factors) == (before.sessions, before.tokens, before.factors)
    assert after.whitelist is not None
    with pytest.raises(NotFound):
        await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    of_user = (await organisation.perform(ListAudit(tenant=TENANT, user="anna"))).items
    assert {"user.created", "whitelist.added", "user.renamed"} <= {entry.action for entry in of_user}
    for login in ("ana", "anna"):
        found = (await organisation.perform(ListAudit(tenant=TENANT, search=login, action="user.renamed"))).items
        assert [entry.target_id for entry in found] == [after.user.id]
