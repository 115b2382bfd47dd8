"""Time of the command line to import a big file."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Bench, Result
from secconsole.backends.demo.people import TENANT, people
from secconsole.config.locations import HOME_VARIABLE

LINES = 100_000
USERS = 1_000


def import_time(bench: Bench) -> Iterator[Result]:
    lines = LINES // 10 if bench.quick else LINES
    bench.say(f"importing {lines:,} lines")
    with bench.stores.copy(USERS, "import") as home:
        file = home / "people.csv"
        _write(file, lines)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "secconsole", "user", "import", str(file), "--tenant", TENANT],
            env={**os.environ, HOME_VARIABLE: str(home)},
            check=True,
            capture_output=True,
        )
        took = time.perf_counter() - started
    yield Result(
        f"import of {lines:,} CSV lines", took, 20 * lines / LINES, " s", "the program itself, start to exit, once"
    )


def _write(file: Path, lines: int) -> None:
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("login", "name", "email", "phone", "role"))
        for number, person in enumerate(people(lines, random.Random(3))):
            login = f"new{number}.{person.login}"
            writer.writerow((login, person.name, f"{login}@acme.example", "", ""))
