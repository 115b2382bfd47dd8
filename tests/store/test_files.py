"""Files on disk: private under any umask, and the store's own opened only by SQLite."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import secconsole
from tests.store.looking import broken_chains, column
from tests.store.processes import worker
from tests.store.worker_files import make_store, use_everything

ALWAYS = {"console.db", "console.db.next", "console.db.writing", "master.key", "demo.json"}
LATER = {"session", "contexts.toml"}

# Modules that open files. A new one has to state here that the file is not the store's: reading a database that
# SQLite has open drops SQLite's locks on it, when it is closed again, for the whole process.
OPENERS = {
    "config/theme_file.py": "a person's theme",
    "config/private.py": "key, session and settings",
    "config/report.py": "a new report",
    "config/view_state.py": "filters and columns kept for each place",
    "cli/streams.py": "/dev/null",
    "backends/doctor/sqlite.py": "copies of the store and its log, taken before this process has it open",
    "config/csv_file.py": "a person's list",
    "config/seed_file.py": "a person's file of keys",
    "config/people_file.py": "a list of people, by a name that the store has not",
    "backends/maintenance/backup.py": "a new copy, made empty in a new folder, before it is a database",
    "store/copies/backup.py": "a backup or its folder, which no connection has open, to flush it",
    "store/engine/queue.py": "the two lock files, which SQLite does not know",
    "backends/head_log.py": "a log that only grows, for which nothing else is opened",
    "backends/new_store.py": "the store before it is one: made empty, and only if there is none",
    "backends/store_copy.py": "the same for a copy",
    "delivery/inbox.py": "a demo's messages",
    "delivery/text_files.py": "a company's own texts",
    "server/transport/tls.py": "the operator's certificate and key",
}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a39_everything_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    home = tmp_path / "new" / "home"
    with worker(use_everything, home, umask) as one:
        while_open, afterwards = one.hear(), one.hear()
    assert while_open.keys() >= ALWAYS | {"console.db-wal", "console.db-shm"}
    assert afterwards.keys() >= ALWAYS | LATER | {"log"}
    for modes in (while_open, afterwards):
        folders = {".", "..", "log"} & modes.keys()
        assert {modes[name] for name in folders} == {0o700}
        assert {name: oct(mode) for name, mode in modes.items() if name not in folders and mode != 0o600} == {}


def test_of_two_concurrent_creations_one_creates_the_store(tmp_path: Path) -> None:
    for round in range(5):
        home = tmp_path / str(round)
        with worker(make_store, home, "ann") as ann, worker(make_store, home, "bob") as bob:
            both = (ann, bob)
            for one in both:
                one.hear()
            for one in both:
                one.say("go")
            answer = [one.hear() for one in both]
        assert sorted(answer) == ["conflict", "made"]
        assert broken_chains(home) == []
        assert column(home, "users", "login") == [("ann", "bob")[answer.index("made")]]


def test_only_sqlite_opens_the_store(tmp_path: Path) -> None:
    """The file is created empty once, before it is a database. SQLite's own opening does not go through Python."""
    with worker(use_everything, tmp_path / "home", 0o022) as one:
        one.hear()
        one.hear()
        by_us = one.hear()
    assert [name for name, _ in by_us] == ["console.db"]


def test_every_module_that_opens_files_is_known() -> None:
    root = Path(secconsole.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(_opens(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == OPENERS.keys()


def _opens(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    match node.func:
        case ast.Name(id="open") | ast.Attribute(attr="read_bytes" | "write_bytes" | "write_text"):
            return True
        case ast.Attribute(value=ast.Name(id="os" | "io"), attr="open"):
            return True
        case ast.Attribute(value=ast.Name(id="shutil"), attr=name) if name.startswith(("copy", "move")):
            return True
        case ast.Attribute(value=ast.Name(id="path"), attr="open"):
            return True
    return False
