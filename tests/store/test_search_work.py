"""D19: the work of a search on SQLite does not grow with the tenant, for any text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.grace import DAY
from secconsole.domain.users.search import parse_search
from secconsole.store import tenants
from secconsole.store.engine.migrate import migrate
from secconsole.store.engine.sqlite import open_engine
from secconsole.store.search import user_ages, user_match, user_search
from secconsole.store.search.user_search import Order, Window, find_users
from secconsole.store.users import add_users, change_user

NOW = 1_800_000_000_000
SMALL, LARGE = 1_000, 8_000
STEPS = 20  # of the database's machine, between two counts


@contextmanager
def filled(path: Path, count: int) -> Iterator[sa.Connection]:
    """A store in which the first name never tells the family name, and few are called Zoe or of the helpdesk."""
    path.touch(0o600)
    engine = open_engine(path)
    try:
        with engine.begin() as connection:
            migrate(connection)
            tenant = tenants.add_tenant(connection, id="t", name="acme", now=NOW)
            names = [
                (("mary", "jan")[number % 2] if number % 100 else "zoe", ("novak", "kim", "berg")[number % 3])
                for number in range(count)
            ]
            rows = [
                {
                    "id": f"{number:026d}",
                    "created": NOW,
                    "login": f"{given}.{family}{number}",
                    "name": f"{given} {family}",
                    "email": f"{given}{number}@example.org",
                    "role": "helpdesk" if number % (count // 40) == 1 else "user",
                }
                for number, (given, family) in enumerate(names)
            ]
            add_users(connection, tenant.pk, rows)
            yield connection
    finally:
        engine.dispose()


def steps(connection: sa.Connection, text: str, column: str = "login_key", *, descending: bool) -> int:
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, STEPS)
    found = find_users(connection, 1, parse_search(text)[0], Order(column, descending), Window(20), NOW)
    driver.set_progress_handler(None, STEPS)
    assert found.users, text
    return counted


@pytest.mark.parametrize("descending", [False, True])
def test_the_cost_of_a_search_is_independent_of_tenant_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descending: bool
) -> None:
    monkeypatch.setattr(user_match, "FEW", 60)
    monkeypatch.setattr(user_search, "FEW", 60)
    with ExitStack() as stack:
        small = stack.enter_context(filled(tmp_path / "small.db", SMALL))
        large = stack.enter_context(filled(tmp_path / "large.db", LARGE))
        for text in ("m", "mary", "m n", "mary n", "jan kim", "n m", "zoe example", "jan role:helpdesk"):
            here, there = (steps(store, text, descending=descending) for store in (small, large))
            assert there < 2 * here + 50, text


ORDERS = ("login_key", "name_key", "status", "role", "kinds", "last_sign_in", "created", "email", "phone")


@pytest.mark.parametrize("known", [False, True], ids=["new", "analyzed"])
def test_the_cost_of_a_page_is_independent_of_tenant_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """In every order, and with ages that few or nearly all have, whatever SQLite knows of the indexes."""
    monkeypatch.setattr(user_ages, "MOST_LISTED", 20)
    costs: list[dict[tuple[str, str], int]] = []
    for count in (SMALL, LARGE):
        with filled(tmp_path / f"{count}.db", count) as connection:
            for pk in (3, 4):
                change_user(connection, pk, last_sign_in=NOW - 1, created=NOW - 90 * DAY, phone="+420601123456")
            if known:
                connection.exec_driver_sql("ANALYZE")
            texts = ("", "last:never", "-last:never", "created:>30d", "created:<30d", "phone:none")
            costs.append(
                {
                    (text, column): steps(connection, text, column, descending=descending)
                    for text in texts
                    for column, descending in [("login_key", False), *((order, True) for order in ORDERS if not text)]
                }
            )
    small, large = costs
    assert [key for key, cost in large.items() if cost > 2 * small[key] + 50] == []


def test_users_who_are_added_together_are_indexed_together(tmp_path: Path) -> None:
    """Otherwise the index would write a segment for each statement, and merge them all later."""
    with filled(tmp_path / "console.db", SMALL) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        statements: list[str] = []
        driver.set_trace_callback(statements.append)
        rows = [{"id": f"m{number:025d}", "created": NOW, "login": f"more.{number}"} for number in range(1451)]
        add_users(connection, 1, rows)
        driver.set_trace_callback(None)
        inserts = {statement for statement in statements if statement.startswith("INSERT INTO users (")}
        assert [len(re.findall(r"'more\.\d+', 'more", one)) for one in sorted(inserts, key=len, reverse=True)] == [
            1000,
            200,
            200,
            40,
            8,
            1,
            1,
            1,
        ]
        for text, count in (("more", 1451), ("more 1450", 1), ("novak", None)):
            found = find_users(connection, 1, parse_search(text)[0], Order("login_key", False), Window(1500), NOW).users
            assert len(found) == count if count else found
