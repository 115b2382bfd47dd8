"""The format of recovery codes: long enough, and parsed as people type them."""

from __future__ import annotations

import os
import re

from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.factors.recovery import RANDOM_BYTES, read_recovery_code, recovery_code
from secconsole.domain.secret import Secret

FORM = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}")
CODE = recovery_code(bytes(range(RANDOM_BYTES))).reveal()


def read(text: str) -> str | None:
    found = read_recovery_code(Secret(text))
    return None if found is None else found.reveal()


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_every_code_has_the_format_and_parses_to_itself(random: bytes) -> None:
    code = recovery_code(random).reveal()
    assert FORM.fullmatch(code)
    assert read(code) == code.replace("-", "")


def test_a31_a_code_has_125_random_bits() -> None:
    def number(random: int) -> str:
        return recovery_code(random.to_bytes(RANDOM_BYTES)).reveal()

    zero = number(0)
    assert len({number(1 << bit) for bit in range(125)} | {zero}) == 126
    assert len({recovery_code(os.urandom(RANDOM_BYTES)).reveal() for _ in range(1000)}) == 1000


@given(
    st.lists(st.sampled_from([" ", "-", "\u2013", "\u2011", "\u00a0", "\t", ""]), min_size=25, max_size=25),
    st.lists(st.booleans(), min_size=25, max_size=25),
)
def test_case_blanks_and_dashes_do_not_matter(between: list[str], lower: list[bool]) -> None:
    signs = CODE.replace("-", "")
    typed = "".join(b + (s.lower() if low else s) for b, s, low in zip(between, signs, lower, strict=True))
    assert read(typed) == signs


def test_look_alike_characters_are_accepted() -> None:
    code = "01234-56789-ABCDE-FGHJK-01100"
    assert read("oI234-56789-abcde-fghjk-OlLoO") == code.replace("-", "")


def test_nothing_else_is_a_recovery_code() -> None:
    full_width = "".join(chr(ord(sign) + 0xFEE0) for sign in CODE.replace("-", ""))
    for text in (
        "",
        "123456",
        "12345678",
        "XYWD-581883",
        CODE[:-1],
        f"{CODE}0",
        CODE.replace("0", "U"),
        full_width,
        f"{CODE[:-1]}\u0661",
        f"{CODE[:-1]}\u017f",
        "\ud800" * 25,
        "\0" * 25,
    ):
        assert read(text) is None, text
