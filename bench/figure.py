"""Results of measurements, and their arithmetic."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.stores import Stores


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table.

    `measured` is None if this machine cannot measure it, and `how` is the reason.
    """

    what: str
    measured: float | None
    limit: float | None  # None: shown with another figure, without a limit
    unit: str
    how: str
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.limit is None:
            return ""
        good = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "ok" if good else "OVER"


@dataclass(slots=True)
class Bench:
    """Settings and progress line of a run."""

    stores: Stores
    users: int
    quick: bool
    entries: int = 0  # of the long audit, 0 for the usual number
    _length: int = field(default=0)

    def rounds(self, usual: int) -> int:
        """Return the number of rounds, a quarter of it in a quick run."""
        return max(3, usual // 4) if self.quick else usual

    def say(self, text: str) -> None:
        """Show a text on the progress line, or remove the line if it is empty."""
        if sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self._length) + ("" if text else "\r"))
            self._length = len(text)
        elif text:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()


Figure = Callable[[Bench], Iterator[Result]]


def alternate(bench: Bench, name: str, rounds: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Measure the sides in turn, A B A B, so that other load on the machine affects them alike."""
    measured: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        bench.say(f"{name}: round {number + 1} of {rounds}")
        for values, side in zip(measured, sides, strict=True):
            values.append(side())
    return measured


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
