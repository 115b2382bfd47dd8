"""Notes of the audit's heads while a store is open, so that an older store is noticed."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

from secconsole.domain.errors import SecconsoleError
from secconsole.service.store import Store
from secconsole.store.audit_log.seen_heads import file_of, note_heads

log = logging.getLogger(__name__)

EACH = 600.0  # seconds between two notes


class HeadKeeper:
    """Keeper of the heads of one store, in the file beside its key.

    A short command refreshes an existing note that is old. A program that stays open makes one.
    """

    def __init__(self, store: Store, key: Path | None) -> None:
        self._store, self._file = store, file_of(key) if key is not None else None
        self._next = time.monotonic() + EACH / 10
        self._is_older = False

    def is_due(self) -> bool:
        """Return True, once in a while, if the heads have to be noted now."""
        now = time.monotonic()
        if self._file is None or now < self._next:
            return False
        self._next = now + EACH
        return True

    def note(self) -> None:
        """Store the present heads, or log that the store is older than what was seen."""
        if self._file is None:
            return
        file = self._file
        with suppress(SecconsoleError):
            is_newer = self._store.read(lambda connection: note_heads(connection, file)).result()
            if not is_newer and not self._is_older:
                log.error("The store is older than its audit was: it was restored or replaced. Run: secconsole doctor")
            self._is_older = not is_newer

    def close(self) -> None:
        """Refresh a note that is old."""
        try:
            is_old = self._file is not None and time.time() - self._file.stat().st_mtime >= EACH
        except OSError:
            return
        if is_old:
            self.note()
