"""Extent of a run: `--extent quick`, `usual` or `all`, for make's test-quick, test and test-all.

`usual` runs every test function, with a representative selection of matrices. `all` runs every case on every backend,
and all the generated examples of each property. `quick` is for use between two edits: the unit tests, the contract on
the embedded store, and a few of each other kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

QUICK, USUAL, ALL = "quick", "usual", "all"
EXTENTS = (QUICK, USUAL, ALL)
POSTGRES = "http on postgres"

#: run by `quick` beside the unit tests and the contract
HANDFUL = (
    "tests/backends/test_http.py",
    "tests/cli/test_users.py",
    "tests/delivery/test_smtp.py",
    "tests/server/test_limits.py",
    "tests/store/test_failures_deny.py",
    "tests/terminal/test_bytes.py",
    "tests/terminal/test_terminal_refused.py",
    "tests/tui/test_actions.py",
    "tests/tui/test_form.py",
)
_WHOLE = ("tests/unit/", "tests/contract/")
_QUICK_CASES = 6  # of one function


def add_option(parser: pytest.Parser) -> None:
    """Register `--extent`, and the profiles of hypothesis that go with it."""
    parser.addoption("--extent", choices=EXTENTS, default=USUAL, help="how much of the suite runs")
    for extent, examples in ((QUICK, 10), (USUAL, 30), (ALL, 100)):
        settings.register_profile(extent, deadline=None, derandomize=True, max_examples=examples)


def extent_of(config: pytest.Config) -> str:
    """Return the extent that this run was started with."""
    return str(config.getoption("--extent"))


def further(*values: object) -> Any:
    """Return one more case of a parametrised test, run by `all` only."""
    return pytest.param(*values, marks=pytest.mark.further)


def matrix(*axes: Sequence[object]) -> list[Any]:
    """Return all combinations of the axes, of which a usual run takes only as few as show each value once.

    The longest axis runs once while the others rotate: three sizes and four themes make four cases of twelve.
    """
    length = max(len(axis) for axis in axes)
    chosen = [tuple(axis[at % len(axis)] for axis in axes) for at in range(length)]
    combined: list[tuple[object, ...]] = [()]
    for axis in axes:
        combined = [(*before, value) for before in combined for value in axis]
    return [pytest.param(*case) for case in chosen] + [further(*case) for case in combined if case not in chosen]


def examples(full: int) -> int:
    """Return how many examples a property with its own number of them tries: `full` in `all`, else a fifth."""
    return full if settings.get_current_profile_name() == ALL else max(full // 5, 1)


def stride(usual: int) -> int:
    """Return how far apart the points are that a test walks: 1 in `all`, else so many."""
    return 1 if settings.get_current_profile_name() == ALL else usual


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect cases outside the extent, or raise `UsageError` if a test function of the usual run loses all."""
    extent = extent_of(config)
    if extent == ALL:
        return
    kept = [item for item in items if not item.get_closest_marker("further")]
    if lost := sorted({function_of(item) for item in items} - {function_of(item) for item in kept}):
        raise pytest.UsageError(f"every case of these is marked `further`, so they never run in make test: {lost}")
    if extent == QUICK:
        kept = list(_quick(kept))
    left = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in left])
    items[:] = kept


def is_left_out(config: pytest.Config, path: Path) -> bool:
    """Return True if no test of a file can run, so that it is not even imported."""
    name = path.relative_to(config.rootpath).as_posix() if path.is_relative_to(config.rootpath) else ""
    return extent_of(config) == QUICK and path.name.startswith("test_") and not name.startswith((*_WHOLE, *HANDFUL))


def function_of(item: pytest.Item) -> str:
    """Return the node id of an item without its case."""
    return item.nodeid.partition("[")[0]


def _quick(items: Iterable[pytest.Item]) -> Iterable[pytest.Item]:
    seen: dict[str, int] = {}
    for item in items:
        if not item.nodeid.startswith((*_WHOLE, *HANDFUL)) or POSTGRES in item.nodeid:
            continue
        count = seen[function_of(item)] = seen.get(function_of(item), 0) + 1
        if count <= _QUICK_CASES:
            yield item
