"""Statements compiled once: parameters of a call, and constants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from secconsole.store.engine.compiled import Prepared

COLUMNS = (sa.Column("pk", sa.Integer, primary_key=True), sa.Column("name", sa.Text), sa.Column("note", sa.Text))
things = sa.Table("things", sa.MetaData(), *COLUMNS)
ADD = Prepared(sa.insert(things), ["pk", "name"])
BY_NAME = Prepared(sa.select(things.c.pk, things.c.note).where(things.c.name == sa.bindparam("of")))
ALL = Prepared(sa.select(things.c.pk).order_by(things.c.pk))
FORGET = Prepared(
    sa.update(things)
    .where(things.c.pk < sa.bindparam("limit"), things.c.name == "a")
    .values(note=None, pk=things.c.pk + sa.bindparam("limit"))
)


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    with sa.create_engine("sqlite://").connect() as opened:
        things.metadata.create_all(opened)
        opened.execute(sa.insert(things), [{"pk": 1, "name": "a", "note": "n"}, {"pk": 2, "name": "b", "note": "n"}])
        yield opened


def test_values_are_bound_and_never_read_as_sql(connection: sa.Connection) -> None:
    name = "x' OR '1'='1"
    assert BY_NAME.row(connection, of=name) is None
    assert ADD.change(connection, pk=9, name=name) == 1
    assert BY_NAME.row(connection, of=name) == (9, None)


def test_parameters_are_bound_everywhere_and_constants_stay(connection: sa.Connection) -> None:
    assert FORGET.change(connection, limit=10) == 1
    assert BY_NAME.row(connection, of="a") == (11, None)
    assert BY_NAME.row(connection, of="b") == (2, "n")
    assert FORGET.change(connection, limit=10) == 0


def test_each_call_has_its_own_values(connection: sa.Connection) -> None:
    assert [BY_NAME.row(connection, of=name) for name in "ab"] == [(1, "n"), (2, "n")]
    assert ALL.rows(connection) == [(1,), (2,)]


def test_a_missing_value_is_an_error(connection: sa.Connection) -> None:
    with pytest.raises(KeyError, match="of"):
        BY_NAME.row(connection)
