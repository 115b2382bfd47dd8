"""`python -m tests.rewritten FILE…`: rewrite the assertions of test files ahead, as pytest does when it imports them.

Pytest keeps the rewritten form beside the source until that changes. Workers that start at the same time on a fresh
clone would each rewrite every file.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import source_hash
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).parent


def ahead(config: pytest.Config) -> None:
    """Rewrite what has changed on all cores, before the workers of a run start."""
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        return
    changed = [str(path) for path in sorted(TESTS.rglob("*.py")) if is_test(path) and not is_current(path)]
    cores = os.cpu_count() or 1
    shares = [changed[at::cores] for at in range(cores) if changed[at::cores]]
    started = [
        subprocess.Popen([sys.executable, "-m", "tests.rewritten", *share], cwd=TESTS.parent) for share in shares
    ]
    for process in started:
        process.wait()  # whatever it left, pytest rewrites itself


def is_test(path: Path) -> bool:
    """Return True for the files whose assertions pytest rewrites."""
    return path.name.startswith("test_") or path.name == "conftest.py"


def is_current(path: Path) -> bool:
    """Return True if pytest will use the rewritten form that it finds."""
    return rewrite._read_pyc(path, rewritten_form(path)) is not None


def rewritten_form(path: Path) -> Path:
    """Return where pytest keeps the rewritten form of a file."""
    return rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"


def rewrite_file(path: Path) -> None:
    """Write the rewritten form of a file, whole or not at all."""
    source = path.read_bytes()
    tree = ast.parse(source, filename=str(path))
    rewrite.rewrite_asserts(tree, source, str(path))
    code = compile(tree, str(path), "exec", dont_inherit=True)
    form = rewritten_form(path)
    form.parent.mkdir(exist_ok=True)
    unfinished = form.with_name(f"{form.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        rewrite._write_pyc_fp(file, source_hash(source), code)
    unfinished.replace(form)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite_file(Path(name))
