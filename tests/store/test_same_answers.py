"""Both databases return the same users in the same order, for all filters, words, orders and pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from secconsole.domain.model import FactorKind, Flag
from secconsole.domain.throttling.throttle import FOREVER
from secconsole.domain.users.search import UserFilter
from secconsole.store import tenants
from secconsole.store.engine.migrate import migrate
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.postgres.address import parse_database_url
from secconsole.store.postgres.runner import PostgresStore
from secconsole.store.schema import users
from secconsole.store.search import user_match, user_search
from secconsole.store.search.user_search import Order, Window, count_users, find_users, position_of
from secconsole.store.users import add_users, change_user
from tests.extent import examples
from tests.found import finds
from tests.postgres import Cluster

NOW = 1_800_000_000_000
GIVEN = ("Ana", "ana", "Åsa", "Zdeněk", "ZOË", "mary-jo", "İlker", "100%", "o_o", "straße", "Čeněk")
FAMILY = ("Müller", "müller", "O'Neil", "van den Berg", "NOVÁK", "x", "Li", "Lindqvist", "%", "Ωmega")
PHONES = ("", "+420602123456", "+12025550100", "+420777602123")
WORDS = (
    "an",
    "ana",
    "ANA",
    "müller",
    "MÜLLER",
    "ller",
    "e",
    "z",
    "%",
    "_",
    "o'n",
    "berg",
    "0%",
    "lind",
    "x",
    "'",
    '"',
    "602",
    "12",
    "0602",
    "+420",
    "ωμέγα",
    "ΩΜ",
    "ilker",
    "strasse",
    "cenek",
    "oneil",
    "mary",
    "jo",
    "li",
    "lu",
    "7@exa",
    "example",
    "-",
    "*",
)


@dataclass
class Both:
    """The same three hundred users in either."""

    sqlite: SqliteStore
    postgres: PostgresStore
    tenant: int

    def ask(self, body: Any) -> Any:
        """Return the reply of both, or fail if they differ."""
        here, there = self.sqlite.read(body).result(30), self.postgres.read(body).result(30)
        assert here == there
        return here


def people() -> list[dict[str, object]]:
    return [
        {
            "id": f"{number:026d}",
            "created": NOW,
            "login": f"{GIVEN[number % 11].casefold()}.{number * 7919 % 300}",
            "name": f"{GIVEN[number * 3 % 11]} {FAMILY[number * 7 % 10]}",
            "email": f"{FAMILY[number % 10]}{number}@example.org" if number % 4 else "",
            "phone": PHONES[number % 5 % 4],
            "role": "helpdesk" if number % 17 == 0 else "user",
            "status": ("bound", "unbound", "pending")[number % 3],
            "kinds": ("", "totp", "totp,sms", "email")[number % 4],
            "must_reset": number % 13 == 0,
            "disabled": number % 19 == 0,
            "last_sign_in": NOW - number % 5 * 1_000 if number % 3 else 0,
            "locked_until": (0, 0, 0, NOW + 60_000, NOW - 60_000, FOREVER)[number % 6],
        }
        for number in range(300)
    ]


def fill(connection: sa.Connection) -> int:
    migrate(connection)
    tenant = tenants.add_tenant(connection, id="t", name="acme", now=NOW)
    rows = people()
    add_users(connection, tenant.pk, rows)
    # As users come and go: counts and index have to follow.
    connection.execute(sa.delete(users).where(users.c.login.like("%99")))
    connection.execute(sa.update(users).where(users.c.login.like("%1")).values(whitelisted=True, version=2))
    for pk in connection.execute(sa.select(users.c.pk).where(users.c.login.like("%2"))).scalars().all():
        change_user(connection, pk, name="Renamed Müller", phone="+441632960961")
    return tenant.pk


@pytest.fixture(scope="module")
def both(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with ExitStack() as stack:
        path = Path(tmp_path_factory.mktemp("same")) / "console.db"
        path.touch(0o600)
        path.parent.chmod(0o700)
        sqlite = stack.enter_context(closing(SqliteStore(path)))
        dsn = stack.enter_context(postgres.database())
        there = stack.enter_context(closing(PostgresStore(parse_database_url(dsn))))
        tenant = sqlite.write(fill).result(30)
        assert there.write(fill).result(30) == tenant
        yield Both(sqlite, there, tenant)


filters = st.builds(
    UserFilter,
    words=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    status=st.sampled_from((None, None, "bound", "unbound", "pending")),
    role=st.sampled_from((None, None, "helpdesk", "user")),
    flag=st.sampled_from((None, None, *Flag)),
    factor=st.sampled_from((None, None, *FactorKind)),
)
orders = st.builds(Order, st.sampled_from(("login_key", "name_key", "last_sign_in")), st.booleans())


def pages(connection: sa.Connection, tenant: int, wanted: UserFilter, order: Order, limit: int) -> list[Any]:
    """The whole list by its cursors, then the last page backwards, and a page from the middle."""
    found: list[Any] = []
    page = find_users(connection, tenant, wanted, order, Window(limit), NOW)
    while True:
        found += page.users
        if page.next is None:
            break
        page = find_users(connection, tenant, wanted, order, Window(limit, page.next), NOW)
        assert len(found) < 1_000
    if page.previous is not None:
        found += find_users(connection, tenant, wanted, order, Window(limit, page.previous, backwards=True), NOW).users
    return found + find_users(connection, tenant, wanted, order, Window(limit, at=len(found) // 2), NOW).users


@pytest.mark.parametrize("few", [0, 20, 1_000])
@settings(max_examples=examples(60))
@given(wanted=filters, order=orders, limit=st.integers(1, 120))
def test_lists_counts_and_positions_are_the_same(
    both: Both, few: int, wanted: UserFilter, order: Order, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_match, "FEW", few)
        patch.setattr(user_search, "FEW", max(few, 1))
        found = both.ask(lambda c: pages(c, both.tenant, wanted, order, limit))
        both.ask(lambda c: count_users(c, both.tenant, wanted, NOW))
        for user in found[:3]:
            both.ask(lambda c, user=user: position_of(c, both.tenant, user, wanted, order, NOW))


# What a keyboard has, what databases and full-text indexes have meanings for, and letters of other scripts.
TYPED = st.text(
    "abelmnorstu01234 .'-@%_*+():\"\\/^~{}[]|&!?$#;,<>=ßøþİıéЖعΣ李김\u0301\u200d\ufffe\U0001f680", max_size=8
)


@pytest.mark.parametrize("few", [0, 1_000])
@settings(max_examples=examples(100))
@given(text=st.one_of(TYPED, st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)))
def test_search_words_find_exactly_the_matching_users(both: Both, few: int, text: str) -> None:
    """Beside a reference that knows neither key nor index."""
    words = tuple(text.split())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_match, "FEW", few)
        order = Order("login_key", False)
        found = both.ask(lambda c: find_users(c, both.tenant, UserFilter(words), order, Window(500), NOW).users)
        everybody = both.ask(lambda c: find_users(c, both.tenant, UserFilter(), order, Window(500), NOW).users)
    assert {user.login for user in found} == {
        user.login
        for user in everybody
        if finds(words, login=user.login, name=user.name, email=user.email, phone=user.phone)
    }
    assert len(everybody) > 200


def test_a_search_excludes_other_tenants(both: Both) -> None:
    """Those of a small tenant are found, and counted, as if the others were not there."""

    def add(connection: sa.Connection) -> int:
        tenant = tenants.add_tenant(connection, id="t2", name="small", now=NOW)
        names = ("Ana Müller", "Li Wu", "Čeněk Berg")
        few = [{"id": f"{n}s", "created": NOW, "login": f"s{n}", "name": name} for n, name in enumerate(names)]
        add_users(connection, tenant.pk, few)
        return tenant.pk

    small = both.sqlite.write(add).result(30)
    assert both.postgres.write(add).result(30) == small
    order = Order("name_key", False)
    for words, logins in ((("ana",), ["s0"]), (("cenek", "b"), ["s2"]), (("wu",), ["s1"]), (("renamed",), [])):
        wanted = UserFilter(words)
        found = both.ask(lambda c, wanted=wanted: find_users(c, small, wanted, order, Window(9), NOW).users)
        assert [user.login for user in found] == logins
        assert both.ask(lambda c, wanted=wanted: count_users(c, small, wanted, NOW)) == (len(logins), False)


def test_counts_follow_every_change(both: Both) -> None:
    groups = both.ask(lambda c: sorted(map(str, tenants.groups(c, both.tenant))))
    everybody = sa.select(sa.func.count()).where(users.c.tenant_pk == both.tenant)
    total = both.ask(lambda c: c.execute(everybody).scalar_one())
    assert len(groups) > 20
    assert both.ask(lambda c: sum(group.count for group in tenants.groups(c, both.tenant))) == total
