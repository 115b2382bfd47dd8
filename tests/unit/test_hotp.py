"""Counter-based codes: the values of RFC 4226, and the window."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secconsole.domain.factors.hotp import LOOK_AHEAD, matching_counter
from secconsole.domain.factors.totp import code_for_step
from secconsole.domain.secret import Secret

SEED = Secret(b"12345678901234567890")
VALUES = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489".split()  # RFC 4226 appendix D


@pytest.mark.parametrize("counter", range(10))
def test_codes_are_those_of_the_standard(counter: int) -> None:
    assert matching_counter(SEED, VALUES[counter], -1) == counter
    assert matching_counter(SEED, VALUES[counter], counter - 1) == counter
    assert matching_counter(SEED, VALUES[counter], counter) is None


@given(last=st.integers(-1, 2**40), ahead=st.integers(1, 3 * LOOK_AHEAD))
@settings(max_examples=50, deadline=None)
def test_only_the_next_counters_match(last: int, ahead: int) -> None:
    code = code_for_step(SEED, last + ahead)
    nearer = [n for n in range(1, LOOK_AHEAD + 1) if code_for_step(SEED, last + n) == code]
    assert matching_counter(SEED, code, last) == (last + nearer[0] if nearer else None)


@pytest.mark.parametrize("text", ["", "75522", "7552240", "٧٥٥٢٢٤", " 755224", "abcdef"])
def test_other_texts_match_nothing(text: str) -> None:
    assert matching_counter(SEED, text, -1) is None
