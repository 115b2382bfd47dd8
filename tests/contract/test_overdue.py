"""Overdue users: the policy requires a factor, their grace period is over, and none is bound."""

from __future__ import annotations

from secconsole.domain.model import Flag, PolicyMode, SignInStatus
from secconsole.domain.users.search import UserFilter
from secconsole.operations.policy import SetPolicy
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.operations.users import CountUsers, ListUsers, ShowUser, UserSort
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import TENANT, Organisation

OVERDUE = UserFilter(flag=Flag.OVERDUE)


async def overdue(organisation: Organisation) -> list[str]:
    """Return the overdue users, on whom list, counts, details and sign-ins agree."""
    page = await organisation.perform(ListUsers(tenant=TENANT, filter=OVERDUE))
    found = [user.login for user in page.items]
    counted = await organisation.perform(CountUsers(tenant=TENANT, filter=OVERDUE))
    adoption = await organisation.perform(ShowAdoption(tenant=TENANT))
    assert counted.count == adoption.overdue == len(found)
    by_time = await organisation.perform(ListUsers(tenant=TENANT, filter=OVERDUE, sort=UserSort.LAST_SIGN_IN))
    assert sorted(user.login for user in by_time.items) == found
    everyone = await organisation.perform(ListUsers(tenant=TENANT))
    for user in everyone.items:
        end = (await organisation.perform(ShowUser(tenant=TENANT, user=user.id))).must_bind_from
        assert (end is not None and end.timestamp() <= organisation.clock.now) == (user.login in found), user.login
    return found


async def test_users_are_overdue_when_their_own_grace_period_is_over(organisation: Organisation) -> None:
    for login in ("ana", "ben", "bot", "gone"):
        await organisation.add(login)
    await organisation.bind("ben")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("root", "bot"), reason="service"))
    await organisation.perform(DisableUser(tenant=TENANT, user="gone"))
    assert await overdue(organisation) == [], "nothing is required"
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=7))
    organisation.clock.forward(days=7, seconds=-1)
    assert await overdue(organisation) == []
    await organisation.add("late")
    assert (await organisation.start("ana")).status is SignInStatus.COMPLETE
    organisation.clock.forward(seconds=1)
    assert await overdue(organisation) == ["ana"]
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    named = UserFilter(words=("ana",), flag=Flag.OVERDUE)
    assert (await organisation.perform(CountUsers(tenant=TENANT, filter=named))).count == 1
    organisation.clock.forward(days=7)
    assert await overdue(organisation) == ["ana", "late"]
    await organisation.bind("ana")
    assert await overdue(organisation) == ["late"]


async def test_a_reset_or_an_unbinding_begins_no_grace_period_again(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("root",), reason="first"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=3))
    organisation.clock.forward(days=3)
    assert await overdue(organisation) == []
    await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    assert await overdue(organisation) == ["ana"]
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    assert await overdue(organisation) == []
