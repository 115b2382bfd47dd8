"""Names that carry commands for a terminal, in the formats that are made for programs."""

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
def test_a15_json_has_no_character_in_it_that_a_terminal_acts_on(name: str) -> None:
    for width in (0, 80):
        stream = io.BytesIO()
        Output(Format.JSON, stream, width).json({"name": name})
        text = stream.getvalue().decode()
        assert all(char.isprintable() or char == "\n" for char in text)
        assert json.loads(text) == {"name": name}


def test_a15_a_list_in_json_has_none_either() -> None:
    stream = io.BytesIO()
    listing: Listing[dict[str, str]] = Listing(Output(Format.JSON, stream, 0), [])
    listing.add([{"name": EVIL}])
    listing.end()
    assert all(char.isprintable() or char == "\n" for char in stream.getvalue().decode())
    assert json.loads(stream.getvalue())["items"] == [{"name": EVIL}]


@given(st.text(st.characters(codec="utf-8")))
def test_a15_csv_on_a_terminal_has_none_and_in_a_file_it_is_as_it_was(name: str) -> None:
    assert all(char.isprintable() or char in "\r\n" for char in written(Format.CSV, name, 80))


def test_csv_for_a_file_gives_the_name_back_as_it_was() -> None:
    assert EVIL in written(Format.CSV, EVIL, 0)
