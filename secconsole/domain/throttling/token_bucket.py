"""Token buckets by key, with a burst, a rate per minute and bounded memory.

A key without a bucket has all of its tokens. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rate:
    """Capacity of a bucket, and the tokens that it regains per minute."""

    burst: int
    per_minute: float

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_minute <= 0:
            raise ValueError("a bucket must hold at least one token and refill")


class Buckets(Protocol):
    """Token buckets by key, wherever they are kept."""

    def level(self, key: Hashable, now: float) -> float: ...

    def wait(self, key: Hashable, now: float) -> float: ...

    def spend(self, key: Hashable, now: float) -> None: ...


class TokenBuckets:
    """Buckets of all keys.

    At most `most` are kept: those spent from least recently are dropped.
    """

    def __init__(self, rate: Rate, most: int) -> None:
        self.rate, self._most = rate, most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens at a time

    def __len__(self) -> int:
        return len(self._buckets)

    def level(self, key: Hashable, now: float) -> float:
        """Return the number of tokens left."""
        tokens, at = self._buckets.get(key, (float(self.rate.burst), now))
        return min(float(self.rate.burst), tokens + max(0.0, now - at) * self.rate.per_minute / 60)

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until a token is available, 0 if one is."""
        missing = 1.0 - self.level(key, now)
        return max(0.0, missing) * 60 / self.rate.per_minute

    def spend(self, key: Hashable, now: float) -> None:
        """Take a token, or empty a bucket that has less than one."""
        self._buckets[key] = max(0.0, self.level(key, now) - 1.0), now
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
