"""The search key of users matches what the words of a search mean, for any text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secconsole.domain.users.search_key import search_key, search_terms
from tests.found import finds

LETTERS = "aAnNoO bßøþÁáıİĄΣςЙйё李明김ن\u064dि\u0301\u200b'’-‑._%@+/()\"*:0123٣"
TEXT = st.text(LETTERS, max_size=14)
PHONES = st.sampled_from(["", "", "+420602123456", "+12025550100", "+4402079460"])
WORDS = st.lists(
    st.one_of(st.text(LETTERS, max_size=5), st.sampled_from(["602", "12", "0602", "+42", "(0)2"])), max_size=4
)


def found(words: list[str], **fields: str) -> bool:
    key = search_key(**{"login": "", "name": "", "email": "", "phone": "", **fields})
    return all(
        any(all(piece in key for piece in pieces) for pieces in alternatives) for alternatives in search_terms(words)
    )


@given(WORDS, TEXT, TEXT, TEXT, PHONES)
@example(["2 12"], "", "", "", "+420602123456")
def test_the_key_finds_the_matching_users(words: list[str], login: str, name: str, email: str, phone: str) -> None:
    fields = {"login": login, "name": name, "email": email, "phone": phone}
    assert found(words, **fields) == finds(words, **fields)


@given(TEXT, TEXT, st.data())
def test_a_prefix_of_any_word_matches(name: str, login: str, data: st.DataObject) -> None:
    for word in name.split():
        assert found([word], login=login, name=name)
        assert found([word.upper()], login=login, name=name)
        assert found([word[: data.draw(st.integers(0, len(word)))]], login=login, name=name)


@given(WORDS, st.text(LETTERS.replace(" ", ""), max_size=4), TEXT, TEXT)
def test_another_word_never_finds_more(words: list[str], another: str, name: str, login: str) -> None:
    letters = [word for word in (*words, another) if not any(char.isdecimal() for char in word)]
    assert found(letters, name=name, login=login) <= found(letters[:-1], name=name, login=login)


@pytest.mark.parametrize(
    ("typed", "does"),
    [
        ("wu", True),
        ("w", True),
        ("mi", True),
        ("ing", True),
        ("in", False),
        ("u", False),
        ("ww", False),
        ("neil", True),
        ("oneil", True),
        ("o'n", True),
        ("o’neil", True),
        ("ne", True),
        ("jo", True),
        ("mary-jo", True),
        ("maryjo", True),
        ("mary jo", True),
        ("ary", True),
        ("wu@acme", True),
        ("acme.example", True),
        ("ac", True),
        ("ex", True),
        ("@acme", True),
        ("acm", True),
        ("602", True),
        ("602123", True),
        ("602 123", True),
        ("602 12", True),
        ("0602 123", True),
        ("+420602", True),
        ("+420 602 123 456", True),
        ("00420602", True),
        ("(602) 123-456", True),
        ("60", False),
        ("0602 124", False),
        ("+602", False),
        ("٦٠٢", True),
        ("wu 602", True),
        ("wu xy", False),
        ("%", False),
        ("_", False),
        ("*", False),
        ("w%", False),
        ("wu*", False),
        ("'", True),
        ("- ’", True),
        ("", True),
    ],
)
def test_queries_for_one_person(typed: str, does: bool) -> None:
    person = {"login": "wu.ming", "name": "Mary-Jo O'Neil", "email": "wu@acme.example", "phone": "+420602123456"}
    assert found(typed.split(), **person) is does


def test_punctuation_is_found_literally() -> None:
    assert found(["%"], name="100% Sure")
    assert found(["0%"], name="100% Sure") is False  # not the beginning of a word
    assert found(["100%"], name="100% Sure")
    assert found(["_"], login="o_o")
    assert found(["\U0001f680"], name="ana\U0001f680")
    assert found(["小龍"], name="李小龍")
    assert found(["龍"], name="李小龍")


def test_a_key_contains_each_part_once() -> None:
    key = search_key("ana.novak", "Ana Novák", "ana.novak@acme.example", "+420602123456")
    assert key == "  +420602123456  ana.novak@acme.example  no  ac  ex"
