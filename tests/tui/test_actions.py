"""The registry of actions: keys, methods, help and commands of every place agree."""

from __future__ import annotations

import importlib.util
import re

import pytest
from textual.keys import Keys

from secconsole.operations.factors import ListFactors
from secconsole.operations.unbinding import Unbind
from secconsole.tui.actions import EVERYWHERE, IN_DEMOS, INBOX, PLACES, Action, find, key_words
from secconsole.tui.screens.help import page
from secconsole.tui.screens.place import Place
from secconsole.tui.session.navigation import screen_class

BUILT = [
    place.name
    for place in (*PLACES, INBOX)
    if place.screen and importlib.util.find_spec(f"secconsole.tui.screens.{place.screen.partition(':')[0]}")
]
_NAMED = {key.value for key in Keys} | {
    "question_mark",
    "slash",
    "colon",
    "space",
    "plus",
    "minus",
    "asterisk",
    "full_stop",
    "comma",
    "left_square_bracket",
    "right_square_bracket",
    "exclamation_mark",
    "greater_than_sign",
    "less_than_sign",
}


def actions_of(name: str) -> tuple[Action, ...]:
    return (*screen_class(name).ACTIONS, *EVERYWHERE, *IN_DEMOS)


def test_the_places_have_the_digits_in_order() -> None:
    assert [place.number for place in PLACES] == list("1234567")
    assert "account" in BUILT


@pytest.mark.parametrize("name", BUILT)
def test_each_place_matches_its_row_in_the_table(name: str) -> None:
    place = next(place for place in (*PLACES, INBOX) if place.name == name)
    screen = screen_class(name)
    assert issubclass(screen, Place)
    assert name == screen.NAME
    assert place.number == screen.NUMBER
    assert page(screen.HELP_FILE).strip()


@pytest.mark.parametrize("name", BUILT)
def test_every_action_of_a_place_is_executable_and_documented(name: str) -> None:
    screen = screen_class(name)
    for action in actions_of(name):
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", action.id)
        assert action.id.startswith("go.") or callable(action.run or getattr(screen, action.method)), action.id
        assert action.title.strip()
        assert action.help.endswith("."), action.id
        assert 0 <= action.priority <= 9
        assert not action.command or action.command.startswith("secconsole "), action.id


@pytest.mark.parametrize("name", BUILT)
def test_no_two_actions_of_a_place_share_a_key_or_an_id(name: str) -> None:
    own = screen_class(name).ACTIONS
    keys = [key for action in own for key in action.key_names]
    assert len(keys) == len(set(keys))
    ids = [action.id for action in actions_of(name)]
    assert len(ids) == len(set(ids))
    for key in keys:
        assert len(key.rpartition("+")[2]) == 1 or key.rpartition("+")[2] in _NAMED, key


@pytest.mark.parametrize("name", BUILT)
def test_no_place_overrides_the_exit_keys(name: str) -> None:
    own = {key for action in screen_class(name).ACTIONS for key in action.key_names}
    assert not own & {"q", "question_mark", "ctrl+p", "colon", *"12345678"}


def test_dangerous_operations_are_dangerous_on_the_screen() -> None:
    assert Action("x.y", "", "y", "", operation=Unbind).is_dangerous
    assert Action("x.y", "", "y", "", dangerous=True).is_dangerous
    assert not Action("x.y", "", "y", "", operation=ListFactors).is_dangerous


def test_keys_have_readable_names() -> None:
    assert key_words("question_mark") == "?"
    assert key_words("shift+u") == "U"
    assert key_words("ctrl+p") == "ctrl+p"
    assert Action("users.end-session", "", "u,pageup", "").method == "do_end_session"
    assert Action("users.unbind", "", "u, pageup", "").shown_keys == ("u", "pgup")


def test_an_action_is_found_by_its_id() -> None:
    assert find(EVERYWHERE, "go.users").keys == "2"
    with pytest.raises(KeyError):
        find(EVERYWHERE, "users.fly")
