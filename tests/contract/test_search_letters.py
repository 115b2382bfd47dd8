"""Search ignores case, accents, width and signs, on every store."""

from __future__ import annotations

import unicodedata

import pytest

from secconsole.domain.errors import Invalid
from secconsole.domain.users.search import parse_search
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CountUsers, ListUsers
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist
from tests.organisation import TENANT, Organisation

PEOPLE = (
    ("u1", "Åsa Öberg", "asa@acme-corp.example", "+46709876543"),
    ("u2", "Ólafur Þór", "", "+3545511234"),
    ("u3", "Илья Петров", "", ""),
    ("u4", "Hana Králová", "hana.kralova@acme.example", "+420602123456"),
    ("u5", "İBRAHİM ÇELİK", "", ""),
    ("u6", "Wu Li", "", ""),
    ("u7", "Mary-Jo O’Neil", "", ""),
    ("u8", "Nguyễn Văn Đức", "", ""),
    ("u9", "100%_sure", "", ""),
)
TERMS = {
    "åsa": "u1",
    "öberg": "u1",
    "óla": "u2",
    "илья": "u3",
    "KRÁLOVÁ": "u4",
    "kralova": "u4",
    "ibrahim": "u5",
    "asa ob": "u1",
    "olafur thor": "u2",
    "þór": "u2",
    "ИЛЬЯ пе": "u3",
    "celik": "u5",
    "wu": "u6",
    "li w": "u6",
    "oneil": "u7",
    "o'neil": "u7",
    "jo ne": "u7",
    "maryjo": "u7",
    "nguyen duc": "u8",
    "100%": "u9",
    "%_s": "u9",
    "%": "u9",
    "_": "u9",
    "602123": "u4",
    "602 123 4": "u4",
    "0602123": "u4",
    "+420 602": "u4",
    "709": "u1",
    "551": "u2",
    "123456": "u4",
    "acmecorp": "u1",
    "@acme-c": "u1",
    "kralova@": "u4",
}
NOBODY = (
    "_x",
    "__",
    "%%",
    "x%",
    "*",
    '"',
    'a" OR "b',
    "NEAR(a b)",
    "search_key:ana",
    "a* b",
    "\\",
    "(((",
    "{",
    "600",
    "\ufffe",
)


async def bring(organisation: Organisation, form: str = "NFC") -> None:
    lines = (
        NewUser(number, login, unicodedata.normalize(form, name), email, phone)
        for number, (login, name, email, phone) in enumerate(PEOPLE, 2)
    )
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=tuple(lines)))
    assert done.created == len(PEOPLE)


async def logins(organisation: Organisation, text: str) -> list[str]:
    wanted = parse_search(text)[0]
    page = await organisation.perform(ListUsers(tenant=TENANT, filter=wanted))
    counted = await organisation.perform(CountUsers(tenant=TENANT, filter=wanted))
    assert counted.count == len(page.items)
    return [user.login for user in page.items]


@pytest.mark.parametrize(("written", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
async def test_each_term_finds_the_person(organisation: Organisation, written: str, typed: str) -> None:
    await bring(organisation, written)
    for term, login in TERMS.items():
        for asked in (term, term.upper(), unicodedata.normalize(typed, term)):
            assert await logins(organisation, asked) == [login], asked


async def test_punctuation_is_matched_literally(organisation: Organisation) -> None:
    await bring(organisation)
    for text in NOBODY:
        assert await logins(organisation, text) == [], text
    everybody = len(PEOPLE) + 1
    for text in ("'", "-", "’ ʼ", "\u200b"):  # nothing is asked for yet
        assert len(await logins(organisation, text)) == everybody
    for text in ("a\0b", "\ud800", "x " * 40):
        with pytest.raises(Invalid):
            await logins(organisation, text)


async def test_a_renamed_user_is_found_by_the_new_name_only(organisation: Organisation) -> None:
    await bring(organisation)
    line = NewUser(2, "u4", "Hana Dvořáková", "hana.dvorakova@acme.example", "+420777000111")
    await organisation.perform(ImportUsers(tenant=TENANT, users=(line,)))
    for gone in ("kralova", "602123"):
        assert await logins(organisation, gone) == []
    for term in ("dvorakova", "777000", "DVOŘÁKOVÁ HA"):
        assert await logins(organisation, term) == ["u4"]


async def test_the_whitelist_search_matches_the_user_search(organisation: Organisation) -> None:
    await bring(organisation)
    everybody = tuple(login for login, *_ in PEOPLE)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=everybody, reason="Pilot"))
    for term, login in TERMS.items():
        page = await organisation.perform(ListWhitelist(tenant=TENANT, search=term))
        assert [entry.login for entry in page.items] == [login], term
    for text in NOBODY:
        assert (await organisation.perform(ListWhitelist(tenant=TENANT, search=text))).items == (), text
