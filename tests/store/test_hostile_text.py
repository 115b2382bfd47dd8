"""Any text in any field of any operation: a reply or a clear error, never a crash or a partial change."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import typing
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.policy import SetPolicy
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ShowUser
from tests.organisation import PASSWORD, ROOT, TENANT, Organisation, organisation_in
from tests.store.looking import broken_chains

EXAMPLES = int(os.environ.get("SECCONSOLE_HOSTILE_EXAMPLES", "20"))
HARD = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "x\udfff",
    "\U0010ffff",
    "İ",
    "ﬁ",
    "%",
    "_",
    "'",
    '"',
    '"*',
    "NEAR(",
    "a OR b",
    "-",
    "^a",
    "{login}:a",
    "* ",
    "\\",
    "\u202eevil",
    "\x1b[2J",
    "0" * 30,
    "9" * 30,
    "-1",
    "²",
    "٣",
    "A" * 5000,
    "ß" * 300,
)


@dataclasses.dataclass
class Place:
    """An organisation used by all examples, and what in it can be named."""

    organisation: Organisation
    runner: asyncio.Runner
    known: list[str]

    def ask(self, operation: Operation[Any]) -> str:
        try:
            self.runner.run(self.organisation.perform(operation))
        except SecconsoleError as error:
            return error.code
        return "done"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setenv("SECCONSOLE_HOME", str(home))
        making = organisation_in(home)
        organisation = runner.run(making.__aenter__())
        known = runner.run(_fill(organisation))
        yield Place(organisation, runner, known)
        runner.run(making.__aexit__(None, None, None))
        assert broken_chains(home) == []


async def _fill(organisation: Organisation) -> list[str]:
    for login in ("ana", "ben"):
        await organisation.add(login, name="Somebody")
        await organisation.bind(login)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    started = await organisation.start("ana")
    assert started.challenge is not None
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    event = await organisation.perform(Unbind(tenant=TENANT, users=("ben",), reason="lost"))
    return [TENANT, ROOT, "ana", shown.user.id, shown.factors[0].id, event.event, started.challenge.reveal()]


def strategy_for(hint: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Values of an annotation of the operations, with hostile text wherever there is text."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is str:
        return text
    if hint is int:
        return st.one_of(st.integers(-1, 3), st.integers(-(2**70), 2**70))
    if origin is Secret:
        return text.map(Secret)
    if origin is tuple:
        return st.lists(strategy_for(inner[0], text), max_size=3).map(tuple)
    if inner:  # a union
        return st.one_of(*(strategy_for(part, text) for part in inner))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        fields = typing.get_type_hints(hint)
        return st.builds(hint, **{f.name: strategy_for(fields[f.name], text) for f in dataclasses.fields(hint)})
    if hint.__name__ == "datetime":
        return st.datetimes(timezones=st.just(UTC))
    return st.from_type(hint)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.spec.name)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_in_any_field_gets_a_typed_reply(
    place: Place, operation: type[Operation[Any]], data: st.DataObject
) -> None:
    hard = st.one_of(st.sampled_from(HARD), st.text(st.characters(), max_size=8))
    text = st.one_of(hard, st.sampled_from([*place.known, PASSWORD.reveal()]))
    hints = typing.get_type_hints(operation)
    names = [field.name for field in dataclasses.fields(operation)]  # type: ignore[arg-type]
    values = {name: data.draw(strategy_for(hints[name], text), label=name) for name in names}
    if "tenant" in values and data.draw(st.integers(0, 4)):  # else hardly anything would get past it
        values["tenant"] = TENANT
    place.ask(operation(**values))


@pytest.mark.parametrize("field", ["tenant", "login"])
@pytest.mark.parametrize("text", HARD)
def test_no_text_crashes_a_sign_in(place: Place, field: str, text: str) -> None:
    asked = {"tenant": TENANT, "login": "ana", "password": Secret("x"), field: text}
    assert place.ask(OPERATIONS["sign-in"](**asked)) in ("done", "invalid", "not-found")


@pytest.mark.parametrize(("good", "name"), [("one", "a\0b"), ("two", "half \ud800"), ("three", "x" * 300)])
def test_a_line_that_cannot_be_stored_rejects_no_other_line(place: Place, good: str, name: str) -> None:
    lines = (NewUser(1, good), NewUser(2, "bad", name=name))
    done = place.runner.run(place.organisation.perform(ImportUsers(tenant=TENANT, users=lines)))
    assert (done.created, [line.line for line in done.rejected]) == (1, [2])
