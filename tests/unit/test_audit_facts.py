"""Facts of audit entries in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.policy import Rule
from secconsole.operations.events import Detail
from secconsole.operations.sample.audit import ENTRY
from secconsole.tui.screens.audit.facts import RULES, TIMES, facts_of
from secconsole.tui.text.format import exact


def words(**details: Detail) -> dict[str, str]:
    return dict(facts_of(replace(ENTRY, details=details)))


def test_every_rule_of_a_sign_in_has_words() -> None:
    assert set(RULES) == set(Rule)
    assert words(rule="refused") == {"because": "wrong password, disabled account, or too many wrong entries"}
    assert words(rule="one of later") == {"because": "one of later"}


@pytest.mark.parametrize("name", sorted(TIMES))
def test_a_time_is_shown_in_the_zone_of_the_reader(name: str) -> None:
    moment = datetime(2027, 2, 18, 12, 0, tzinfo=UTC)
    shown = exact(moment, seconds=True)
    stored: tuple[Detail, ...] = (1_802_952_000_000, "2027-02-18T12:00:00+00:00", "2027-02-18T12:00:00")
    assert all(shown in words(**{name: value}).values() for value in stored)


def test_a_change_shows_before_and_after_in_one() -> None:
    assert words(before="off", after="required", grace_days=7, recovery_view=False) == {
        "changed": "from off to required",
        "grace days": "7",
        "recovery view": "no",
    }
    assert words(before="", after="a")["changed"] == "from none to a"
    assert words(after="a") == {"after": "a"}


@given(st.dictionaries(st.text(min_size=1), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_facts_have_words(details: dict[str, Detail]) -> None:
    for _, shown in facts_of(replace(ENTRY, details=details)):
        assert shown
