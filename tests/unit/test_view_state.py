"""The file that keeps the view of each place: what is written is found again, and anything odd is ignored."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secconsole.config.view_state import LONGEST, MOST_OWNERS, NamedFilter, PlaceView, Views

LOST = NamedFilter("no phone", "status:unbound is:overdue")
VIEW = PlaceView("status:unbound", "seen", True, ("login", "seen"), (LOST,))


def test_a_view_is_kept_for_its_owner_in_a_file_that_only_they_may_read(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "views.json"
    views = Views(path, "local acme/hana")
    views["users"] = VIEW
    views.flush()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Views(path, "local acme/hana")["users"] == VIEW
    assert Views(path, "local acme/hana")["audit"] == PlaceView()
    assert Views(path, "prod acme/hana")["users"] == PlaceView()


def test_two_consoles_keep_what_the_other_one_wrote(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    first, second = Views(path, "local acme/hana"), Views(path, "local acme/hana")
    first["users"] = VIEW
    second["audit"] = PlaceView("unbound")
    first.flush()
    second.flush()
    again = Views(path, "local acme/hana")
    assert (again["users"], again["audit"]) == (VIEW, PlaceView("unbound"))


def test_the_longest_unused_owners_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    for number in range(MOST_OWNERS + 1):
        views = Views(path, f"local acme/user{number}")
        views["users"] = PlaceView(f"word{number}")
        views.flush()
    assert Views(path, "local acme/user0")["users"] == PlaceView()
    assert Views(path, "local acme/user1")["users"] == PlaceView("word1")


def _write(path: Path, text: bytes, mode: int = 0o600) -> None:
    path.write_bytes(text)
    path.chmod(mode)


GOOD = b'{"views":{"me":{"users":{"search":"x"}}}}'


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"views":{"me":{"users":{"search":7}}}}',
        b'{"views":{"me":{"users":{"search":"' + b"x" * 201 + b'"}}}}',
        b'{"views":{"me":{"users":{"filters":[' + b'{"name":"a","search":"b"},' * 9 + b'{"name":"a","search":"b"}]}}}}',
        b'{"a":' * 100_000,
        GOOD + b" " * LONGEST,
    ],
    ids=["empty", "not text", "a list", "a number", "too long", "too many", "too deep", "too large"],
)
def test_a_broken_file_counts_as_empty_and_is_replaced(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "views.json"
    _write(path, text)
    views = Views(path, "me")
    assert views["users"] == PlaceView()
    views["users"] = VIEW
    views.flush()
    assert Views(path, "me")["users"] == VIEW


def test_a_file_that_others_may_read_a_link_a_pipe_and_a_folder_are_ignored(tmp_path: Path) -> None:
    shared, link, pipe, folder = (tmp_path / name for name in ("shared", "link", "pipe", "folder"))
    _write(shared, GOOD, 0o644)
    _write(tmp_path / "good", GOOD)
    assert Views(tmp_path / "good", "me")["users"] == PlaceView("x")
    link.symlink_to(tmp_path / "good")
    os.mkfifo(pipe, 0o600)
    folder.mkdir(0o700)
    for path in (shared, link, pipe, folder):
        views = Views(path, "me")
        assert views["users"] == PlaceView()
        views["users"] = VIEW
        views.flush()  # a folder cannot be replaced, which is no error either
    assert (tmp_path / "good").read_bytes() == GOOD
