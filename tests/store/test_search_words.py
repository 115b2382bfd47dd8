"""Searches as they are typed: every prefix of a search finds all that the whole search finds."""

from __future__ import annotations

import pytest

from secconsole.domain.users.search import parse_search
from secconsole.operations.users import CountUsers, ListUsers
from secconsole.store.search import user_match, user_search
from tests.organisation import TENANT, Organisation

PEOPLE = ("zdenek.berg", "zdenek.novak", "berg.zdenek", "quido.zdenek", "petr.berg", "oz")


@pytest.fixture(params=["few", "many"])
def found_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of finding words: all of them sorted, and those that begin so first."""
    if request.param == "many":
        monkeypatch.setattr(user_match, "FEW", 0)
        monkeypatch.setattr(user_search, "FEW", 1_000)


async def logins(organisation: Organisation, text: str) -> list[str]:
    wanted = parse_search(text)[0]
    page = await organisation.perform(ListUsers(tenant=TENANT, filter=wanted))
    counted = await organisation.perform(CountUsers(tenant=TENANT, filter=wanted))
    assert counted.count == len(page.items)
    return [user.login for user in page.items]


@pytest.mark.usefixtures("found_as")
async def test_every_prefix_of_a_second_word_finds_the_users_of_the_whole_word(
    organisation: Organisation,
) -> None:
    for login in PEOPLE:
        await organisation.add(login, name=login.replace(".", " ").title())
    for length in range(1, len("zdenek berg") + 1):
        found = await logins(organisation, "zdenek berg"[:length])
        assert "zdenek.berg" in found
    assert sorted(found) == ["berg.zdenek", "zdenek.berg"]


@pytest.mark.usefixtures("found_as")
async def test_short_words_match_the_beginning_of_any_word(organisation: Organisation) -> None:
    for login in PEOPLE:
        await organisation.add(login, name=login.replace(".", " ").title())
    zdenek = ["berg.zdenek", "quido.zdenek", "zdenek.berg", "zdenek.novak"]
    assert sorted(await logins(organisation, "z")) == sorted(await logins(organisation, "zd")) == zdenek
    assert await logins(organisation, "d") == []
    assert sorted(await logins(organisation, "zdenek n")) == ["zdenek.novak"]
    assert await logins(organisation, "zdenek qu") == ["quido.zdenek"]
    assert await logins(organisation, "zdenek x") == []
