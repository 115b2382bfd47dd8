"""Real processes for tests: forked from a server that has everything imported, so that one costs milliseconds.

A process runs a module-level function with plain values (secrets as text) and a pipe.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [f"tests.store.worker_{name}" for name in ("calls", "disk", "files", "killed", "streams", "writes")]
)
LONGEST = 60.0  # seconds until a process that should be done counts as hung


@dataclass(frozen=True)
class Worker:
    """A process and this side of its pipe."""

    process: BaseProcess
    pipe: Connection

    def hear(self) -> Any:
        """Return its next message, or raise `EOFError` if it ended instead."""
        assert self.pipe.poll(LONGEST), "the process says nothing"
        return self.pipe.recv()

    def say(self, message: object) -> None:
        self.pipe.send(message)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(LONGEST)

    def exit_code(self) -> int | None:
        """Return its exit code, or -N for signal N."""
        self.process.join(LONGEST)
        return self.process.exitcode


@contextmanager
def worker(target: Callable[..., None], home: Path, *args: object) -> Iterator[Worker]:
    """Yield a process that runs `target(home, pipe, *args)` with SECCONSOLE_HOME set, killed at the end."""
    here, there = FORKED.Pipe()
    process = FORKED.Process(target=run_there, args=(target, str(home), there, args), daemon=True)
    process.start()
    there.close()
    try:
        yield Worker(process, here)
    finally:
        if process.is_alive():
            process.kill()
        process.join(LONGEST)
        here.close()
        process.close()


def run_there(target: Callable[..., None], home: str, pipe: Connection, args: tuple[object, ...]) -> None:
    """The first function of every such process."""
    os.environ["SECCONSOLE_HOME"] = home
    target(Path(home), pipe, *args)
