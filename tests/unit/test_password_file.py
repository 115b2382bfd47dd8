"""The list of one-time passwords on a disk that fails."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.config.password_file import ListNotWritten, PasswordFile
from secconsole.config.private import create_private
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.users.password import ListedPassword

NOW = datetime(2027, 2, 18, 12, 0, tzinfo=UTC)


def line(login: str) -> ListedPassword:
    return ListedPassword(login, "A \x1b[31mname", Secret("abcd-efgh-jkmn-pqrs"))


async def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.txt"
    keep = PasswordFile(path, create_private(path), "acme", NOW)
    await keep.keep([line("ana"), line("ben")])
    whole = path.read_text()
    pwrite = os.pwrite

    def full(handle: int, data: bytes, offset: int) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(handle, data[:20], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ListNotWritten, match=r"No space left on device.*resume the job with another file"):
        await keep.keep([line("cid")])
    assert path.read_text() == whole
    monkeypatch.undo()
    await keep.keep([line("dan")])
    assert keep.close()
    text = path.read_text()
    assert text.startswith(whole)
    assert [row.split()[0] for row in text.splitlines()[5:]] == ["ana", "ben", "dan"]
    assert "\x1b" not in text
    assert "\0" not in text


async def test_a_list_is_new_private_and_gone_if_it_stayed_empty(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    before = os.umask(0)
    try:
        keep = PasswordFile(path, create_private(path), "acme", NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(Invalid, match="exists"):
        create_private(path)
    assert not keep.close()
    assert not path.exists()


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    path = tmp_path / "list.txt"
    with pytest.raises(Invalid, match="No space left"):
        PasswordFile(path, create_private(path), "acme", NOW)
    assert not path.exists()
