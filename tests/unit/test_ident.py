"""Ids are ULIDs: forty-eight bits of time and eighty random bits in Crockford's base 32."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from secconsole.domain.ident import is_id, make_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
@example(0, b"\0" * 10)
@example(2**48 - 1, b"\xff" * 10)
def test_an_id_encodes_its_time_and_random_bits(milliseconds: int, random: bytes) -> None:
    id = make_id(milliseconds, random)
    number = 0
    for digit in id:
        number = number * 32 + ALPHABET.index(digit)
    assert number == milliseconds << 80 | int.from_bytes(random)
    assert is_id(id)
    assert len(id) == 26
