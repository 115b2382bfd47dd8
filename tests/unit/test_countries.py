"""Countries, as people search for them."""

from __future__ import annotations

import phonenumbers
import pytest

from secconsole.domain.messages.countries import countries, found, with_country

ALL = countries()


def test_every_country_with_numbers_has_a_name() -> None:
    assert {country.code for country in ALL} == set(phonenumbers.SUPPORTED_REGIONS)
    assert all(country.name and country.name == country.name.strip() for country in ALL)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("czech", "CZ"),
        ("uk", "GB"),
        ("britain", "GB"),
        ("us", "US"),
        ("+420", "CZ"),
        ("0049", "DE"),
        ("reunion", "RE"),
        ("cote", "CI"),
        ("ÅLAND", "AX"),
        ("korea (s", "KR"),
    ],
)
def test_the_best_match_comes_first(typed: str, code: str) -> None:
    assert found(ALL, typed)[0].code == code


def test_empty_input_finds_all_and_nonsense_none() -> None:
    assert found(ALL, " ") == list(ALL)
    assert found(ALL, "atlantis") == []


@pytest.mark.parametrize(
    ("typed", "number"),
    [("", "+49 "), ("0170 1", "+49 0170 1"), ("+420 601", "+49 601"), ("+1 555", "+49 555"), ("+", "+49 ")],
)
def test_a_dialling_code_replaces_another(typed: str, number: str) -> None:
    germany = next(country for country in ALL if country.code == "DE")
    assert with_country(germany, typed, ALL) == number
