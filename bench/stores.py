"""Stores for the measurements: filled demo organisations, created once per run, and copied before writes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from secconsole.backends.demo.fill import create_demo

SEED = 7


class Stores:
    """Demo organisations of so many users in a folder, where existing ones are reused."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say

    def home(self, users: int) -> Path:
        """Return a home with a store of so many users, for reading only."""
        home = self.folder / f"users-{users}"
        if not home.exists():
            self._say(f"creating a store of {users:,} users")
            making = self.folder / f"making-{users}"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700, parents=True)
            asyncio.run(create_demo(making, users=users, seed=SEED))
            making.rename(home)
        return home

    @contextmanager
    def copy(self, users: int, name: str) -> Iterator[Path]:
        """Yield a temporary copy of such a home, for writing."""
        home = self.folder / f"copy-{name}"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.home(users), home)
        try:
            yield home
        finally:
            shutil.rmtree(home)
