"""Filters and orders of the list of users, the same on both stores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.errors import Unfit
from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.users.search import MOST_DAYS, UserFilter, filter_text, parse_search
from secconsole.operations.policy import SetPolicy
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CountUsers, CreateUser, FindPosition, ListUsers, UserSort
from secconsole.store.search import user_ages, user_search
from tests.organisation import PASSWORD, TENANT, Organisation

DAYS = st.none() | st.integers(0, MOST_DAYS)


@given(
    st.builds(
        UserFilter,
        words=st.lists(st.sampled_from(["zdenek", "a:b", "-", "601"]), max_size=2).map(tuple),
        status=st.none() | st.sampled_from(BindingStatus),
        not_status=st.none() | st.sampled_from(BindingStatus),
        not_role=st.none() | st.sampled_from(Role),
        flag=st.none() | st.sampled_from(Flag),
        only=st.none() | st.sampled_from(FactorKind),
        not_flag=st.lists(st.sampled_from(Flag), unique=True).map(tuple),
        not_factor=st.none() | st.sampled_from(FactorKind),
        created_over=DAYS,
        last_under=DAYS,
        signed_in=st.none() | st.booleans(),
        phone=st.sampled_from(["", "none", "420601"]),
    )
)
def test_a_filter_is_written_as_it_is_read(wanted: UserFilter) -> None:
    assert parse_search(filter_text(wanted)) == (wanted, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("created:>30d", ""),
        ("created:>", ""),
        ("last:", ""),
        ("-status:bound", ""),
        ("phone:+420", ""),
        ("created:30", "created:30: not an age"),
        ("last:soon", "last:soon: not an age"),
        ("-created:>3d", "-created:>3d: cannot be excluded"),
        ("-only:sms", "-only:sms: cannot be excluded"),
        ("phone:x", "phone:x: not digits"),
        ("-is:locked -is:disabled -is:locked", ""),
        ("is:locked is:locked", ""),
        ("is:locked is:disabled", "is:disabled: only one"),
        ("-role:user -role:helpdesk", "-role:helpdesk: only one"),
    ],
)
def test_a_filter_with_a_mistake_is_reported(text: str, problem: str) -> None:
    assert "; ".join(parse_search(text)[1])[: len(problem) or None] == problem


async def _people(organisation: Organisation) -> None:
    await organisation.perform(CreateUser(tenant=TENANT, login="old", phone="+420601123456", password=PASSWORD))
    organisation.clock.forward(days=40)
    await organisation.perform(CreateUser(tenant=TENANT, login="anna", role=Role.AUDITOR, password=PASSWORD))
    await organisation.perform(CreateUser(tenant=TENANT, login="bert", phone="+447700900113"))
    await organisation.bind("anna")
    await organisation.perform(SetPolicy(tenant=TENANT, kinds=tuple(FactorKind)))
    await organisation.perform(DisableUser(tenant=TENANT, user="bert"))
    await organisation.sign_in("old")
    organisation.clock.forward(days=2)


async def _logins(organisation: Organisation, text: str, **order: object) -> list[str]:
    wanted, problems = parse_search(text)
    assert not problems
    query = ListUsers(tenant=TENANT, filter=wanted, limit=2, **order)  # type: ignore[arg-type]
    page = await organisation.perform(query)
    users = [*page.items]
    while page.next:
        page = await organisation.perform(
            ListUsers(tenant=TENANT, filter=wanted, limit=2, cursor=page.next, **order)  # type: ignore[arg-type]
        )
        users += page.items
    if wanted != UserFilter():
        assert (await organisation.perform(CountUsers(tenant=TENANT, filter=wanted))).count == len(users)
    return [user.login for user in users if user.login != "root"]


@pytest.mark.parametrize("most_listed", [0, user_ages.MOST_LISTED])  # in the order of the list, and from an index
async def test_filters_find_the_same_users_everywhere(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, most_listed: int
) -> None:
    monkeypatch.setattr(user_ages, "MOST_LISTED", most_listed)
    await _people(organisation)
    for text, found in {
        "-status:bound": "bert old",
        "-role:user": "anna",
        "-is:disabled": "anna old",
        "-is:disabled -is:no-recovery": "old",
        "-factor:totp": "bert old",
        "created:>30d": "old",
        "created:<30d": "anna bert",
        "last:never": "anna bert",
        "-last:never": "old",
        "last:>1d": "old",
        "last:<1d": "",
        "phone:601123": "old",
        "phone:7700": "bert",
        "phone:none": "anna",
        "-status:bound created:<6w": "bert",
        "-status:bound -role:auditor": "bert old",
        "-status:bound is:disabled": "bert",
        "phone:none created:<6w": "anna",
        "an -status:bound": "",
    }.items():
        assert " ".join(await _logins(organisation, text)) == found, text


async def test_too_many_users_are_not_sorted_by_flags_which_have_no_index(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _people(organisation)
    monkeypatch.setattr(user_search, "MOST_COUNTED", 2)
    assert await _logins(organisation, "is:disabled", sort=UserSort.FLAGS) == ["bert"]
    with pytest.raises(Unfit, match="Up to 2 users can be sorted by flags") as found:
        await _logins(organisation, "", sort=UserSort.FLAGS)
    assert found.value.field == "sort"
    query = FindPosition(tenant=TENANT, user="bert", sort=UserSort.FLAGS)
    assert await organisation.perform(query) is None


async def test_the_list_is_in_the_order_of_every_column(organisation: Organisation) -> None:
    await _people(organisation)
    for sort, found in {
        UserSort.STATUS: "anna bert old",
        UserSort.ROLE: "anna bert old",
        UserSort.FACTORS: "bert old anna",
        UserSort.FLAGS: "anna old bert",
        UserSort.PHONE: "anna old bert",
        UserSort.CREATED: "old anna bert",
        UserSort.EMAIL: "old anna bert",
        UserSort.LAST_SIGN_IN: "anna bert old",
    }.items():
        order = await _logins(organisation, "", sort=sort)
        assert " ".join(order) == found, sort
        assert await _logins(organisation, "", sort=sort, descending=True) == order[::-1], sort
        at = [await organisation.perform(FindPosition(tenant=TENANT, user=login, sort=sort)) for login in order]
        assert at == sorted(at), sort
