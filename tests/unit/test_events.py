"""The registry of audit actions contains all recorded actions, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import secconsole
from secconsole.delivery.text_files import FORMS
from secconsole.domain.limits import MOST_ACTIONS
from secconsole.operations import events, load_all
from secconsole.operations.base import OPERATIONS
from secconsole.operations.events import EVENTS, SIGN_IN, Event, EventGroup, actions_of, event

load_all()
SERVICE = Path(secconsole.__file__).parent / "service"


def recorded() -> Iterator[tuple[str, ast.expr]]:
    """Yield where an event is recorded, and the expression that names it."""
    for path in sorted(SERVICE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "audit":
                yield f"{path.name}:{node.lineno}", node.args[0]


def test_records_are_events_and_not_strings() -> None:
    found = list(recorded())
    assert len(found) > 50
    texts = {
        where: ast.unparse(expression)
        for where, expression in found
        if any(
            isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
            for part in ast.walk(expression)
        )
    }
    assert texts == {}, "declare them in operations/events.py"


def test_each_event_is_recorded_somewhere_or_is_the_name_of_an_operation() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SERVICE.rglob("*.py"))
    declared = {name: found for name, found in vars(events).items() if isinstance(found, Event)}
    assert [name for name in sorted(declared) if name not in source] == []
    own = {event.action for operation in OPERATIONS.values() for event in operation.spec.records}
    assert EVENTS.keys() - {event.action for event in declared.values()} - own <= OPERATIONS.keys()


def test_a_notice_has_a_text() -> None:
    texts = {found.notice.text for found in EVENTS.values() if found.notice is not None}
    assert texts
    assert {f"notice-{text}" for text in texts} <= FORMS.keys()


def test_two_events_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two events are named sign-in"):
        event("sign-in", EventGroup.USERS, "signed in")
    assert EVENTS["sign-in"] is SIGN_IN


def test_a_group_includes_refused_attempts_and_fits_one_request() -> None:
    assert {"user.role", "user.role-changed"} <= set(actions_of("users"))
    assert actions_of("") == ()
    for group in EventGroup:
        assert 0 < len(actions_of(group)) <= MOST_ACTIONS


def test_a_refused_attempt_is_described_like_the_event() -> None:
    assert EVENTS["user.disable"].words == EVENTS["user.disabled"].words
    assert EVENTS["user.disable"].notice is None
    assert OPERATIONS["user.disable"].spec.attempt is EVENTS["user.disable"]
