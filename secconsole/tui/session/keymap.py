"""Check of the keys chosen in config.toml against those of every place.

It loads every place: call it only if keys are chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from secconsole.config.keymap import KeyChoice
from secconsole.domain.text import visible
from secconsole.tui.actions import EVERYWHERE, IN_DEMOS, INBOX, PLACES, key_words, with_keys
from secconsole.tui.runtime.base_app import QUIT_KEYS
from secconsole.tui.session.lock import KEY as LOCK_KEY
from secconsole.tui.session.navigation import screen_class
from secconsole.tui.widgets.table import WindowedTable

_RESERVED = QUIT_KEYS | {LOCK_KEY, "tab", "shift+tab", "enter", "ctrl+j", "ctrl+m", "up", "down", "left", "right"}
_WIDGETS = "table."


@dataclass(frozen=True, slots=True)
class CheckedKeymap:
    """Keys that work: of actions, and of bindings of widgets, by id. `problems`: one line for each that does not."""

    actions: Mapping[str, str]
    bindings: Mapping[str, str]
    problems: Sequence[str]


def checked_keymap(choice: KeyChoice) -> CheckedKeymap:
    """Return the chosen keys without those that are unknown, reserved or taken, each of which has its usual ones."""
    usual = _usual()
    keys: dict[str, str] = {}
    problems: list[str] = []
    for id, wanted in choice.keys.items():
        if id not in usual:
            problems.append(f"config.toml: {visible(id)} in [keys] is not an action. Help (?) shows their names.")
        elif taken := sorted((_RESERVED - set(usual[id].split(","))) & set(wanted.split(","))):
            problems.append(f"config.toml: {key_words(taken[0])} is reserved, so {id} keeps {_words(usual[id])}.")
        else:
            keys[id] = wanted
    while (found := next(_conflicts(keys), None)) is not None:
        id, other, key = found
        del keys[id]
        shared = f"config.toml: {key_words(key)} is the key of {other} too"
        problems.append(f"{shared}, so {id} keeps {_words(usual[id])}.")
    widgets = {id: keys[id] for id in keys if id.startswith(_WIDGETS)}
    return CheckedKeymap({id: keys[id] for id in keys if id not in widgets}, widgets, problems)


def _words(keys: str) -> str:
    return ", ".join(map(key_words, keys.split(",")))


def _usual() -> dict[str, str]:
    return {id: keys for place in _places() for id, keys in place}


def _places(chosen: Mapping[str, str] | None = None) -> Iterator[list[tuple[str, str]]]:
    """Yield ids and keys of each place: its own, those of its table, and those that work everywhere."""
    table = [
        (binding.id, (chosen or {}).get(binding.id, binding.key))
        for binding in WindowedTable.BINDINGS
        if not isinstance(binding, tuple) and binding.id
    ]
    for place in (*PLACES, INBOX):
        actions = with_keys((*screen_class(place.name).ACTIONS, *EVERYWHERE, *IN_DEMOS), chosen or {})
        yield [*table, *((action.id, ",".join(action.key_names)) for action in actions)]


def _conflicts(chosen: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield a chosen id, the id of another action of the same place, and the key of both.

    Places use some keys differently from elsewhere. That is no conflict unless one of the two is chosen.
    """
    usual = _usual()
    for place in _places(chosen):
        users: dict[str, str] = {}
        for id, keys in place:
            for key in keys.split(","):
                other = users.setdefault(key, id)
                pair = [one for one in (id, other) if one in chosen and key not in usual[one].split(",")]
                if other != id and pair:
                    yield pair[0], other if pair[0] == id else id, key
