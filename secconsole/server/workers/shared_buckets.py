"""Token buckets of all workers of a server together, in memory that they share."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import tempfile
from collections.abc import Hashable
from hashlib import blake2b

from secconsole.domain.throttling.token_bucket import Rate

_BUCKETS = 1 << 15
_TRIED = 8  # neighbouring places of a bucket
_BUCKET = struct.Struct("=Qdd")  # key, tokens, time


class SharedBuckets:
    """Token buckets of all workers, with the methods of `TokenBuckets`.

    They are made before the workers are forked. Spending holds a lock of the process, which the kernel releases if it
    dies. Reading takes none: an entry that is written at that moment is off by one token at most, or not found.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._memory = mmap.mmap(-1, _BUCKET.size * _BUCKETS)
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the workers are
        self._salt = os.urandom(16)

    def level(self, key: Hashable, now: float) -> float:
        """Return the number of tokens left."""
        hashed = self._hash(key)
        for place in self._places(hashed):
            found, tokens, at = _BUCKET.unpack_from(self._memory, place)
            if found == hashed:
                return self._refilled(tokens, at, now)
        return float(self.rate.burst)

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until a token is available, 0 if one is."""
        missing = 1.0 - self.level(key, now)
        return max(0.0, missing) * 60 / self.rate.per_minute

    def spend(self, key: Hashable, now: float) -> None:
        """Take a token, or empty a bucket that has less than one."""
        hashed = self._hash(key)
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            entries = [(place, *_BUCKET.unpack_from(self._memory, place)) for place in self._places(hashed)]
            mine = next((entry for entry in entries if entry[1] == hashed), None)
            # Without an own place yet, the fullest of these is taken: it says least about its key.
            place, found, tokens, at = mine or max(
                entries, key=lambda entry: self._room_of(entry[1], entry[2], entry[3], now)
            )
            level = self._refilled(tokens, at, now) if found == hashed else float(self.rate.burst)
            _BUCKET.pack_into(self._memory, place, hashed, max(0.0, level - 1.0), now)
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _room_of(self, found: int, tokens: float, at: float, now: float) -> float:
        return self._refilled(tokens, at, now) if found else float(self.rate.burst) + 1

    def _refilled(self, tokens: float, at: float, now: float) -> float:
        return min(float(self.rate.burst), tokens + max(0.0, now - at) * self.rate.per_minute / 60)

    def _hash(self, key: Hashable) -> int:
        return int.from_bytes(blake2b(str(key).encode(), digest_size=8, key=self._salt).digest(), "big") | 1

    def _places(self, hashed: int) -> list[int]:
        first = (hashed >> 1) % _BUCKETS
        return [(first + step) % _BUCKETS * _BUCKET.size for step in range(_TRIED)]
