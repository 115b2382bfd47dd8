"""Folding for search: case, accents, width, apostrophes and hyphens, in every script and encoding."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.users.fold import fold, spell
from tests.extent import further

# Ideographs, Hangul, private use and what is not assigned: nothing there has a case, and the rest is in make test.
PLANES = [
    range(0x3400),
    further(range(0x3400, 0xA000)),
    range(0xA000, 0xAC00),
    further(range(0xAC00, 0xF900)),
    range(0xF900, 0x20000),
    further(range(0x20000, 0x2F800)),
    range(0x2F800, 0x2FA20),
    further(range(0x2FA20, sys.maxunicode + 1)),
]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Åsa Öberg", "asa oberg"),
        ("KRÁLOVÁ", "kralova"),
        ("İBRAHİM ÇELİK", "ibrahim celik"),
        ("IŞIK ışık", "isik isik"),
        ("Ólafur Þór", "olafur thor"),
        ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
        ("Øystein Đặng Łukasz Æsa Œuvre Ħal", "oystein dang lukasz aesa oeuvre hal"),
        ("ﬁ ǅ Ǆ", "fi dz dz"),
        ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ οδυσσευσ", "οδυσσευσ οδυσσευσ οδυσσευσ"),
        ("Ѐлка Йордан Фёдор Ґалаґан Қасым", "елка иордан федор галаган касым"),
        ("مُحَمَّد محـــمد أحمد", "محمد محمد احمد"),
        ("یکی يكي", "يكي يكي"),
        ("שָׁלוֹם מַר־כֹּהֵן", "שלום מרכהן"),
        ("हिन्दी क़लम", "हिन्दी कलम"),
        ("ﾀﾅｶ タナカ ﾊﾟｸ", "タナカ タナカ ハク"),
        ("ＡＢＣ１２３ ٣٤", "abc123 34"),
        ("O'Neil O’Neil Oʼneil OˈNeil O`Neil O´Neil O′Neil", " ".join(["oneil"] * 7)),
        ("Mary-Jo Mary‐Jo Mary–Jo Mary\u00adJo Mary\u200bJo Mary\u200dJo", " ".join(["maryjo"] * 6)),
        ("Gal·la", "galla"),
        ("100% a_b c@d.e+f", "100% a_b c@d.e+f"),
        ("a\u00a0b\u3000c\td", "a b c d"),
    ],
)
def test_ignorable_characters_are_removed(written: str, folded: str) -> None:
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, written)) == unicodedata.normalize("NFKD", folded)


def test_hangul_syllables_are_found_while_typed() -> None:
    steps = ["ㄱ", "기", "김", "김ㅁ", "김미", "김민"]
    assert all(fold("김민수").startswith(fold(step)) for step in steps)


@pytest.mark.parametrize("points", PLANES, ids=lambda points: f"{points[0]:x}-{points[-1]:x}")
def test_folding_is_independent_of_encoding_and_idempotent(points: range) -> None:
    for char in map(chr, points):
        folded = fold(char)
        assert fold(folded) == folded, f"{char!r} {folded!r}"
        if unicodedata.decomposition(char):
            assert fold(unicodedata.normalize("NFD", char)) == folded, repr(char)
        if char.upper() != char or char.lower() != char:
            assert fold(char.lower()) == folded, repr(char)


@given(st.text(max_size=40))
def test_text_is_folded_letter_by_letter(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text)) == folded
    assert spell(text).replace("-", "") == folded
    assert len(folded) <= 18 * len(text)  # Unicode's longest decomposition
