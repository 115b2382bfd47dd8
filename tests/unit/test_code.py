"""A03 and D18: one parser of codes, which accepts only ASCII digits in any notation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.factors.code import BETWEEN, read_code
from secconsole.domain.factors.recovery import read_recovery_code
from secconsole.domain.secret import Secret


def read(text: str) -> tuple[str, str] | None:
    code = read_code(Secret(text))
    return None if code is None else (code.prefix, code.digits.reveal())


@pytest.mark.parametrize(
    ("typed", "prefix", "digits"),
    [
        ("123456", "", "123456"),
        ("000000", "", "000000"),
        ("123 456", "", "123456"),
        ("123-456", "", "123456"),
        (" 12 34 56 \r\n", "", "123456"),
        ("123\u00a0456", "", "123456"),
        ("123\u202f456", "", "123456"),
        ("123\u2013456", "", "123456"),
        ("\u200b123456\ufeff", "", "123456"),
        ("1234 5678", "", "12345678"),
        ("XYWD-581883", "XYWD", "581883"),
        ("xywd 581 883", "XYWD", "581883"),
        ("XYWD581883", "XYWD", "581883"),
    ],
)
def test_a_code_is_accepted_in_common_spellings(typed: str, prefix: str, digits: str) -> None:
    assert read(typed) == (prefix, digits)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-",
        "12345",
        "123456789",
        "+123456",
        "123_456",
        "123.456",
        "123,456",
        "1e5000",
        "0x1234",
        "12345o",
        "l23456",
        "١٢٣٤٥٦",
        "１２３４５６",
        "۱۲۳۴۵۶",
        "12345٦",
        "²³¹²³¹",
        "XYW-581883",
        "XYWDE-581883",
        "ＸＹＷＤ-581883",
        "XYWD-58188",
        "581883-XYWD",
        "\0",
        "\ud800" * 6,
        "\u0661" * 6,
        "123456\0",
    ],
)
def test_a03_nothing_else_is_a_code(typed: str) -> None:
    assert read(typed) is None


@given(
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.lists(st.sampled_from([*sorted(BETWEEN), ""]), min_size=7, max_size=7),
)
def test_separators_between_digits_are_ignored(digits: str, between: list[str]) -> None:
    typed = "".join(b + d for b, d in zip(between, [*digits, ""], strict=True))
    assert read(typed) == ("", digits)


@given(st.text())
def test_parsed_codes_are_ascii_and_of_one_kind(text: str) -> None:
    code = read_code(Secret(text))
    if code is not None:
        assert code.whole.reveal().isascii()
        assert code.digits.reveal().isdigit()
        assert read_recovery_code(Secret(text)) is None
        again = read_code(code.whole)
        assert again is not None
        assert again.whole == code.whole
