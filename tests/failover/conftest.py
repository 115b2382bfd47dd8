"""Pairs of clusters, created for one test each because their primary does not survive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.failover.pair import Pair


@pytest.fixture
def synchronous_pair() -> Iterator[Pair]:
    yield from _made(synchronous=True)


@pytest.fixture
def asynchronous_pair() -> Iterator[Pair]:
    yield from _made(synchronous=False)


def _made(*, synchronous: bool) -> Iterator[Pair]:
    pair = Pair(synchronous=synchronous)
    try:
        yield pair
    finally:
        pair.remove()
