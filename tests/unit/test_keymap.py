"""Chosen keys: how they are written, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.config.keymap import PRESETS, KeyChoice, key_name, read_keys
from secconsole.config.start_at import StartPlace
from secconsole.domain.errors import Invalid
from secconsole.tui.actions import PLACES
from secconsole.tui.session.keymap import checked_keymap

FILE = Path("config.toml")


def test_the_places_to_start_in_are_those_of_the_console() -> None:
    assert [place.value for place in StartPlace] == [place.name for place in PLACES]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("u", "u"),
        ("?", "question_mark"),
        ("ctrl+u", "ctrl+u"),
        ("+", "plus"),
        ("ctrl++", "ctrl+plus"),
        ("esc", "escape"),
    ],
)
def test_keys_are_written_as_they_are_shown(written: str, name: str) -> None:
    assert key_name(written) == name


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_have_no_conflict(preset: str) -> None:
    checked = checked_keymap(read_keys(FILE, preset, {}))
    assert checked.problems == []
    assert {**checked.actions, **checked.bindings} == PRESETS[preset]


def test_wrong_values_are_refused() -> None:
    for preset, own in (("emacs", {}), ("vim", {"users.unbind": 3}), ("vim", {"users.unbind": []})):
        with pytest.raises(Invalid):
            read_keys(FILE, preset, own)


def test_chosen_keys_replace_those_of_a_preset() -> None:
    chosen = read_keys(FILE, "vim", {"everywhere.back": ["b", "?"], "users.unbind": "U"})
    assert chosen.keys["everywhere.back"] == "b,question_mark"
    assert chosen.keys["users.unbind"] == "U"


@pytest.mark.parametrize(
    ("id", "key", "problem"),
    [
        ("users.fly", "f5", "users.fly in [keys] is not an action"),
        ("users.unbind", "ctrl+q", "ctrl+q is reserved, so users.unbind keeps u."),
        ("users.unbind", "x", "x is the key of users.undo too, so users.unbind keeps u."),
        ("users.unbind", "j", "j is the key of table.down too, so users.unbind keeps u."),
        ("users.unbind", "question_mark", "? is the key of everywhere.help too, so users.unbind keeps u."),
        ("everywhere.back", "p", "p is the key of whitelist.paste too, so everywhere.back keeps q."),
    ],
)
def test_a_key_that_cannot_be_chosen_is_one_line_and_changes_nothing(id: str, key: str, problem: str) -> None:
    checked = checked_keymap(KeyChoice({id: key, "audit.export": "f6"}))
    (found,) = checked.problems
    assert problem in found
    assert checked.actions == {"audit.export": "f6"}


def test_two_actions_can_swap_their_keys() -> None:
    swapped = {"users.unbind": "x", "users.undo": "u"}
    checked = checked_keymap(KeyChoice(swapped))
    assert (checked.actions, checked.problems) == (swapped, [])
