"""`python -m bench.worst_text`: the time that each text field takes with the worst text at exactly its limit.

Each operation is performed on a separate store, as the owner, with cheap password hashing. Letters under two classes of
marks are the most expensive texts of a length. The slowest fields are printed with the time of an ordinary text.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from secconsole.backends.embedded import open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import owner_here
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_TEXT
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation, example_of
from secconsole.operations.bounds import check_limits
from secconsole.service.factors.passwords import Passwords

ROUNDS, SHOWN = 5, 15
WORST = ("a" + "\u0301\u0316" * LONGEST_TEXT, "\ufdfa" * LONGEST_TEXT, "\U0001f600" * LONGEST_TEXT)

Make = Callable[[str], Any]


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["SECCONSOLE_HOME"] = str(Path(home) / "home")
        rows = asyncio.run(_measured())
    print(f"{'operation and field':44}{'characters':>11}{'worst':>10}{'ordinary':>11}")
    for name, most, worst, ordinary in sorted(rows, key=lambda row: -row[2])[:SHOWN]:
        print(f"{name:44}{most:>11,}{worst:>7.1f} ms{ordinary:>8.1f} ms")
    print(f"{len(rows)} fields in all")


async def _measured() -> list[tuple[str, int, float, float]]:
    cheap = Passwords(time_cost=1, memory_kib=8)
    await create_store(tenant="acme", admin="root", password=Secret("an example of a password"), passwords=cheap)
    backend = await open_embedded(owner_here(), "command", passwords=Passwords(time_cost=1, memory_kib=8))

    async def took(operation: Operation[Any]) -> float:
        times: list[float] = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with suppress(SecconsoleError):
                await backend.perform(operation)
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times)

    rows: list[tuple[str, int, float, float]] = []
    try:
        for name in sorted(OPERATIONS):
            for place, make in texts_of(example_of(name).request):
                most = limit_of(make)
                worst = max([await took(make(text[:most])) for text in WORST])
                rows.append((f"{name} {place}", most, worst, await took(make("a"))))
    finally:
        await backend.close()
    return rows


def texts_of(value: Any, put: Make = lambda new: new, name: str = "") -> Iterator[tuple[str, Make]]:
    """Yield every text of a value by its path, with a function that replaces it."""
    if isinstance(value, Secret):
        yield name, lambda text: put(Secret(text))
    elif type(value) is str:
        yield name, put
    elif isinstance(value, tuple) and value:
        yield from texts_of(value[0], lambda new: put((new, *value[1:])), f"{name}[0]")
    elif is_dataclass(value):
        for field in fields(value):
            path = f"{name}.{field.name}" if name else field.name

            def changed(new: Any, at: str = field.name) -> Any:
                return put(replace(value, **{at: new}))  # type: ignore[type-var]

            yield from texts_of(getattr(value, field.name), changed, path)


def limit_of(make: Make) -> int:
    """Return the longest allowed length of a text in its field."""
    low, high = 0, LONGEST_TEXT
    while low < high:
        middle = (low + high + 1) // 2
        try:
            check_limits(make("a" * middle))
            low = middle
        except Invalid:
            high = middle - 1
    return low


if __name__ == "__main__":
    main()
