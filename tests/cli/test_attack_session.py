"""A kept session file that differs from what sign-in wrote."""

from __future__ import annotations

import pytest

from secconsole.config.private import write_private
from tests.cli.conftest import Shell


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "7",
        "[" * 100_000,
        '{"backend": "", "tenant": "", "login": "", "token": 7}',
        '{"backend": "", "tenant": 5, "login": "x", "token": "x"}',
    ],
    ids=["list", "number", "deep", "token", "tenant"],
)
def test_a_damaged_session_file_is_reported(shell: Shell, content: str) -> None:
    write_private(shell.home / "session", content)
    for command in (("user", "list"), ("sign-out",)):
        answer = shell(*command)
        assert answer.code == 2
        assert "is damaged. Remove it and sign in again" in answer.err
        assert "internal error" not in answer.err
