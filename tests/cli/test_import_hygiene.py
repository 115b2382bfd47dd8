"""Imports of each command: the start loads no module it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Shell

REPORT = "import sys, json; sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded(program: str, home: Path) -> set[str]:
    """The top-level modules that are loaded after a program in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{REPORT}"],
        env={**os.environ, "SECCONSOLE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr))


def carried_out(arguments: list[str]) -> str:
    return f"from secconsole.cli.app import run\nassert run({arguments!r}, lambda options: 0) == 0"


def test_the_entry_point_imports_nothing_before_parsing(tmp_path: Path) -> None:
    modules = loaded("import secconsole.__main__", tmp_path)
    assert modules & {"click", "asyncio", "sqlalchemy", "msgspec", "textual", "tomllib", "pathlib", "inspect"} == set()


def test_commands_never_load_the_screens_or_the_server(shell: Shell) -> None:
    modules = loaded(carried_out(["user", "list", "--format", "json"]), shell.home)
    unwanted = {"textual", "rich", "alembic", "starlette", "httpx", "segno", "tomli_w", "wcwidth"}
    assert modules & unwanted == set()


def test_help_loads_no_store(tmp_path: Path) -> None:
    modules = loaded(carried_out(["--help"]), tmp_path)
    assert modules & {"sqlalchemy", "cryptography", "asyncio", "msgspec", "phonenumbers", "textual"} == set()
