"""The rows of the Users table: read by cursor if possible, counted, and the messages when reading fails."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.domain.model import BindingStatus, Flag
from secconsole.domain.roles import Role
from secconsole.domain.users.search import parse_search
from secconsole.operations.users import CountUsers, CreateUser, ListUsers, UserCount, UserRow
from secconsole.tui.screens.users.user_table import COLUMNS, UserRows
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.user_source import UserQuery, UserSource
from tests.tui.conftest import OpenConsole, Organisation, screen_text, settled, until
from tests.tui.test_users import opened

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
LOGINS = ["aida", "bob", "hana", "newton", "nina", "root", "tomas", "uma"]


class Asked:
    """Passes operations on, and remembers them."""

    def __init__(self, organisation: Organisation) -> None:
        self.lists: list[ListUsers] = []
        self._organisation = organisation

    async def __call__(self, operation: Any) -> Any:
        if isinstance(operation, ListUsers):
            self.lists.append(operation)
        return await self._organisation.perform(operation)


def login_row(user: UserRow) -> Row:
    return Row(user.id, (user.login,))


def source_of(asked: Asked, text: str = "") -> UserSource:
    return UserSource(asked, "acme", UserQuery(parse_search(text)[0]), login_row)


async def logins(source: UserSource, first: int, count: int) -> list[object]:
    return [row.cells[0] for row in await source.load(first, count)]


async def test_adjacent_rows_are_loaded_by_cursor_and_others_by_position(
    organisation: Organisation,
) -> None:
    asked = Asked(organisation)
    source = source_of(asked)
    assert await logins(source, 3, 3) == LOGINS[3:6]
    assert asked.lists[-1].at == 3
    assert await logins(source, 6, 3) == LOGINS[6:]
    assert asked.lists[-1].cursor is not None
    assert not asked.lists[-1].backwards
    assert await logins(source, 0, 3) == LOGINS[:3]
    assert asked.lists[-1].backwards
    assert source.total == 8


async def test_a_row_is_built_when_it_is_drawn_and_only_once(organisation: Organisation) -> None:
    built: list[str] = []

    def present(user: UserRow) -> Row:
        built.append(user.login)
        return login_row(user)

    source = UserSource(Asked(organisation), "acme", UserQuery(), present)
    rows = await source.load(0, 8)
    assert (len(rows), built) == (8, [])
    assert rows[2] is rows[2]
    assert [row.cells[0] for row in rows[1:3]] == built[::-1] == LOGINS[1:3]
    assert [row.cells[0] for row in rows] == LOGINS
    assert sorted(built) == LOGINS


async def test_a_change_discards_cursors_and_count(organisation: Organisation) -> None:
    asked = Asked(organisation)
    source = source_of(asked)
    await logins(source, 0, 3)
    await organisation.perform(CreateUser(tenant="acme", login="aaron"))
    source.renew()
    assert await logins(source, 3, 3) == LOGINS[2:5]
    assert asked.lists[-1].at == 3
    assert source.total == 9


async def test_a_cancelled_count_leaves_the_total_unknown(organisation: Organisation) -> None:
    source = source_of(Asked(organisation))
    source.count = UserCount(1000, 5000, capped=True)
    assert source.total is None


async def test_all_results_are_returned_by_id(organisation: Organisation) -> None:
    source = source_of(Asked(organisation), "status:unbound")
    found = [id async for page in source.all_ids() for id in page]
    rows = await source.load(0, 10)
    assert [row.key for row in rows] == found
    assert len(found) == 2
    assert await source.index_of(found[1]) == 1


async def test_rows_that_cannot_be_reloaded_stay_and_show_their_age(
    console: OpenConsole, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await console("hana", place="users")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        place = await opened(app, pilot)
        perform = app.perform

        async def away(operation: Any) -> Any:
            if isinstance(operation, ListUsers | CountUsers):
                raise Unavailable("The store cannot be reached.")
            return await perform(operation)

        monkeypatch.setattr(place._source, "_perform", away)
        await place.on_live_change()
        await until(pilot, lambda: "Not up to date: as of" in screen_text(app))
        assert "bob" in screen_text(app)
        assert any("cannot be reached" in answer.message for answer in app._notifications)
        monkeypatch.setattr(place._source, "_perform", perform)
        await settled(pilot)
        await place.on_live_change()
        await until(pilot, lambda: "8 users" in screen_text(app) and "Not up to date" not in screen_text(app))


@pytest.mark.parametrize(
    ("flags", "required", "words"),
    [
        ((), False, ""),
        ((Flag.MUST_RESET,), False, "must-reset"),
        ((Flag.WHITELISTED,), False, "whitelisted"),
        ((Flag.MUST_RESET, Flag.WHITELISTED), False, "reset exempt"),
        ((Flag.LOCKED, Flag.MUST_RESET), False, "locked reset"),
        ((Flag.DISABLED, Flag.MUST_RESET), False, "disabled reset"),
        ((Flag.MUST_RESET,), True, "reset required"),
    ],
)
def test_two_flags_fit_beside_each_other(flags: tuple[Flag, ...], required: bool, words: str) -> None:
    user = UserRow("1", "eva", "", "", "", Role.USER, BindingStatus.UNBOUND, flags, (), None, required)
    rows = UserRows(defaultdict(lambda: "#808080"), lambda: NOW, utf8=True)
    at = [column.name for column in COLUMNS].index("flags")
    assert str(rows(user).cells[at]) == words
    assert len(words) <= COLUMNS[at].width
