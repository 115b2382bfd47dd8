"""The three output formats, and hostile text in each."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.cli.output import Column, Format, Listing, Output, format_value
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import cell
from secconsole.domain.secret import Secret

COLUMNS: list[Column[dict[str, object]]] = [
    Column("login", lambda row: row["login"]),
    Column("name", lambda row: row["name"]),
]


def written(format: Format, rows: list[dict[str, object]], width: int = 0) -> bytes:
    stream = io.BytesIO()
    Output(format, stream, width).listing(COLUMNS, rows)
    return stream.getvalue()


@pytest.fixture
def prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_tables_show_separators_and_local_times(prague: None) -> None:
    moment = datetime(2027, 7, 1, 12, 0, 5, 250_000, UTC)
    assert [format_value(v) for v in (1204311, True, False, None, "", (), ("totp", "sms"), moment)] == [
        "1,204,311",
        "yes",
        "no",
        "-",
        "-",
        "-",
        "totp, sms",
        "2027-07-01 14:00:05 +02:00",
    ]


def test_programs_read_plain_values(prague: None) -> None:
    moment = datetime(2027, 7, 1, 12, 0, 5, tzinfo=UTC)
    assert [cell(v) for v in (1204311, True, None, (), ("totp", "sms"), moment)] == [
        "1204311",
        "true",
        "",
        "",
        "totp;sms",
        "2027-07-01T12:00:05Z",
    ]


def test_a_list_is_one_json_document_with_one_item_per_line() -> None:
    stream = io.BytesIO()
    listing: Listing[dict[str, object]] = Listing(Output(Format.JSON, stream), COLUMNS)
    listing.add([{"login": "ana"}])
    listing.add([])
    listing.add([{"login": "bob"}])
    listing.end("c1")
    assert stream.getvalue() == b'{"items":[\n{"login":"ana"},\n{"login":"bob"}],"next":"c1"}\n'
    assert json.loads(written(Format.JSON, [])) == {"items": [], "next": None}


@pytest.mark.parametrize("format", list(Format))
def test_a_refused_list_writes_nothing(format: Format) -> None:
    stream = io.BytesIO()
    Listing(Output(format, stream), COLUMNS)
    assert stream.getvalue() == b""


def test_a43_a_secret_is_shown_only_on_request() -> None:
    stream = io.BytesIO()
    out = Output(Format.JSON, stream)
    out.json({"key": Secret("JBSWY3DP")})
    assert b"JBSWY3DP" not in stream.getvalue()
    out.json({"key": Secret("JBSWY3DP")}, reveal=True)
    assert b"JBSWY3DP" in stream.getvalue()


def test_lines_are_cut_on_a_terminal_only() -> None:
    row: dict[str, object] = {"login": "ana", "name": "x" * 200}
    assert len(written(Format.TABLE, [row]).splitlines()[1]) > 200
    assert len(written(Format.TABLE, [row], 60).decode().splitlines()[1]) == 60


@given(st.text(), st.text())
def test_a15_tables_contain_no_control_characters_from_data(login: str, name: str) -> None:
    out = written(Format.TABLE, [{"login": login, "name": name}]).decode()
    assert all(char.isprintable() or char == "\n" for char in out)
    assert out.count("\n") == 2


@given(st.text(st.characters(codec="utf-8")))
def test_a44_json_round_trips_any_text(name: str) -> None:
    (item,) = json.loads(written(Format.JSON, [{"login": "ana", "name": name}]))["items"]
    assert item["name"] == name


@given(st.text(st.characters(codec="utf-8")))
def test_a44_csv_round_trips_any_text_without_formulas(name: str) -> None:
    text = written(Format.CSV, [{"login": "ana", "name": name}]).decode()
    _, (_, cell) = csv.reader(io.StringIO(text, newline=""))
    assert cell in (name, "'" + name)
    assert cell[:1] not in tuple("=+-@\t\r\n\0")


def test_a46_a_full_disk_is_reported() -> None:
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - what is left in a buffer would fail on closing too
    with full, pytest.raises(Unavailable, match="No space left"):
        Output(Format.TABLE, cast(BinaryIO, full)).line("x")
