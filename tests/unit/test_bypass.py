"""Bypass codes: their form, and when they work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.bypass import (
    BITS_OF_CODE,
    LONGEST_AHEAD,
    MINUTE,
    RANDOM_BYTES,
    bypass_code,
    check_limits,
    period,
    read_bypass_code,
)
from secconsole.domain.factors.code import read_code
from secconsole.domain.factors.recovery import read_recovery_code
from secconsole.domain.secret import Secret

NOW = 1_800_000_000_000
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_it_has_at_least_64_random_bits() -> None:
    assert BITS_OF_CODE == RANDOM_BYTES * 8 >= 64


@given(randoms, randoms)
def test_different_bytes_make_different_codes(one: bytes, other: bytes) -> None:
    assert (bypass_code(one) == bypass_code(other)) is (one == other)


@given(randoms, st.sampled_from(["", "-", " ", "\u2013", " - "]), st.booleans())
def test_it_is_read_as_people_type_it(random: bytes, between: str, small: bool) -> None:
    code = bypass_code(random).reveal()
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert not set(code) & set("ILOU")
    wanted = read_bypass_code(Secret(code))
    for typed in (code, code.replace("0", "O"), code.replace("1", "I"), code.replace("1", "l")):
        text = between.join(typed.split("-"))
        assert read_bypass_code(Secret(text.lower() if small else text)) == wanted


@given(randoms)
def test_no_other_code_has_its_form(random: bytes) -> None:
    code = bypass_code(random)
    assert read_code(code) is None
    assert read_recovery_code(code) is None


@pytest.mark.parametrize("typed", ["", "492817", "XYWD-581883", "7KQ2-9XDH-TPVW-C8N", "7KQ2-9XDH-TPVW-C8NU", "é" * 16])
def test_other_texts_are_not_bypass_codes(typed: str) -> None:
    assert read_bypass_code(Secret(typed)) is None


@given(st.none() | st.integers(-5, 2_000), st.none() | st.integers(-100_000, 20_000), st.integers(1, 1_440))
def test_it_lasts_no_longer_than_allowed(minutes: int | None, ahead: int | None, most: int) -> None:
    starts = None if ahead is None else NOW + ahead * MINUTE
    fits = minutes is None or 1 <= minutes <= most
    if not fits or (ahead or 0) > LONGEST_AHEAD:
        with pytest.raises(Invalid) as refused:
            period(minutes, starts, NOW, usual=30, most=most)
        assert refused.value.field == ("starts" if fits else "minutes")
        return
    begin, end = period(minutes, starts, NOW, usual=30, most=most)
    assert NOW <= begin <= NOW + LONGEST_AHEAD * MINUTE
    assert 1 <= (end - begin) // MINUTE <= most
    assert begin == max(NOW, starts or 0)


@pytest.mark.parametrize(("usual", "most"), [(0, 30), (31, 30), (30, 0), (30, 1_441)])
def test_a_policy_has_limits_too(usual: int, most: int) -> None:
    with pytest.raises(Invalid):
        check_limits(usual, most)
