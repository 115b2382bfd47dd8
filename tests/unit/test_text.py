"""Text from data: visible and harmless, and unchanged if it was plain."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.text import is_plain, visible
from secconsole.domain.users.login import login_key, skeleton, suspicions


@given(st.text())
def test_a15_no_unprintable_character_is_left(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in shown)


@given(st.text())
def test_making_text_visible_is_idempotent(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(categories=("Lu", "Ll", "Nd", "Po", "Sm"))))
def test_plain_text_stays(text: str) -> None:
    assert is_plain(text)


def test_a17_invisible_characters_are_escaped() -> None:
    assert visible("a\u202eb") == "a\\u202eb"
    assert visible("zero\u200bwidth") == "zero\\u200bwidth"
    assert visible("\x1b]52;c;x\x07") == "\\x1b]52;c;x\\x07"
    assert visible("\x9b31m") == "\\x9b31m"
    assert visible("tag\U000e0041") == "tag\\U000e0041"
    assert visible("two\nlines") == "two\\x0alines"
    assert visible("filler\u3164") == "filler\\u3164"


def test_stacked_marks_are_limited() -> None:
    assert visible("Zoe\u0301") == "Zoe\u0301"
    assert visible("Z" + "\u0301" * 5).count("\\u0301") == 3


def test_a17_mixed_alphabets_are_detected() -> None:
    assert suspicions("marek.novak") == []
    assert suspicions("Marek Novák") == []
    assert suspicions("Дмитрий Иванов") == []
    assert "second letter is Cyrillic" in suspicions("mаrek.novak")[0]
    assert suspicions("ma\u200brek")


def test_a17_logins_that_look_alike_share_a_skeleton() -> None:
    assert skeleton("mаrek.novak") == skeleton("marek.novak")
    assert skeleton("rnarek") == skeleton("marek")
    assert skeleton("pau1") == skeleton("paul")
    assert skeleton("ana") != skeleton("anna")


def test_equivalent_spellings_are_one_account() -> None:
    assert login_key(" Ana ") == login_key("ANA") == login_key("ａｎａ") == "ana"


@given(st.text(st.sampled_from("abcdlmnorvw01|!.АаеорαοοıI\u0301ﬁß")))
def test_a_skeleton_is_the_same_letter_by_letter(login: str) -> None:
    plain = unicodedata.normalize("NFKD", login_key(login))
    plain = "".join(skeleton(char) for char in plain if not unicodedata.combining(char) and not char.isspace())
    for pair, single in (("rn", "m"), ("vv", "w"), ("cl", "d")):
        plain = plain.replace(pair, single)
    assert skeleton(login) == plain
