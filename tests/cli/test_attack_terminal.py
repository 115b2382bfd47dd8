"""Names that contain terminal commands, in the formats for programs."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from secconsole.cli.output import Column, Format, Listing, Output

COLUMNS: list[Column[str]] = [Column("name", lambda name: name)]
EVIL = "a\x1b]0;owned\x07b\x9b31mc\x7f\u202ed\U000e0041e"


def written(format: Format, name: str, width: int) -> str:
    stream = io.BytesIO()
    listing = Listing(Output(format, stream, width), COLUMNS)
    listing.add([name])
    listing.end()
    return stream.getvalue().decode()


@given(st.text(st.characters(codec="utf-8")))
def test_a15_json_contains_no_control_characters(name: str) -> None:
    for width in (0, 80):
        stream = io.BytesIO()
        Output(Format.JSON, stream, width).json({"name": name})
        text = stream.getvalue().decode()
        assert all(char.isprintable() or char == "\n" for char in text)
        assert json.loads(text) == {"name": name}


def test_a15_a_json_list_contains_no_control_characters() -> None:
    stream = io.BytesIO()
    listing: Listing[dict[str, str]] = Listing(Output(Format.JSON, stream, 0), [])
    listing.add([{"name": EVIL}])
    listing.end()
    assert all(char.isprintable() or char == "\n" for char in stream.getvalue().decode())
    assert json.loads(stream.getvalue())["items"] == [{"name": EVIL}]


@given(st.text(st.characters(codec="utf-8")))
def test_a15_csv_has_no_control_characters_on_a_terminal_and_is_exact_in_a_file(name: str) -> None:
    assert all(char.isprintable() or char in "\r\n" for char in written(Format.CSV, name, 80))


def test_csv_in_a_file_round_trips_names() -> None:
    assert EVIL in written(Format.CSV, EVIL, 0)
