"""A disk that is full before SQLite can open a store is reported as full, and not as failing (A46)."""

from __future__ import annotations

import sqlite3

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.store.engine.sqlite import in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SQLITE_FULL", "disk is full"),
        ("SQLITE_IOERR_SHMSIZE", "disk is full"),
        ("SQLITE_IOERR_SHMOPEN", "disk is full"),
        ("SQLITE_IOERR_READ", "disk failed"),
        ("SQLITE_IOERR", "disk failed"),
    ],
)
def test_each_kind_of_disk_failure_has_a_message(name: str, words: str) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = name
    answer = in_words(error)
    assert isinstance(answer, Unavailable)
    assert words in answer.message
