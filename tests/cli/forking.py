"""A program that has everything imported and runs each command line in a fork, with the requested streams.

Streams are really closed, like by a shell's `>&-`, and a command costs only a fork instead of a program's start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

PATIENCE = 60  # seconds for one command line


@dataclass(frozen=True)
class Ended:
    """Result of one command line. `out` and `err` are empty if the stream was not a file."""

    code: int
    out: str
    err: str


class Forking:
    """The program at work. `home` is where its command lines work."""

    def __init__(self, home: Path, folder: Path, more: Mapping[str, str] | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"SECCONSOLE_HOME": str(home), "TMPDIR": str(folder)} | dict(more or {})
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.cli.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=environment,
        )

    def __call__(
        self,
        *arguments: str,
        closed: Sequence[int] = (),
        full: Sequence[int] = (),
        input: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a command line with some streams closed and others on a device that is full."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"arguments": arguments, "closed": list(closed), "full": list(full), "input": input}
        self._process.stdin.write(json.dumps(asked | {"environment": dict(environment or {})}) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve() -> None:
    from secconsole.cli.app import COMMANDS

    for module, _, _ in COMMANDS.values():
        import_module(f"secconsole.cli.commands.{module}")
    for module in ("backends.embedded", "backends.http", "server.serve", "tui.main"):
        import_module(f"secconsole.{module}")
    import_module("tests.cheap_passwords").cheapen()
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(asked: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(asked["input"].encode())
        given.seek(0)
        child = os.fork()
        if not child:
            _run(asked, (given, out, err))
        _, status = os.waitpid(child, 0)
        return {"code": os.waitstatus_to_exitcode(status), "out": _text(out), "err": _text(err)}


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "backslashreplace")


def _run(asked: dict[str, Any], files: Sequence[IO[bytes]]) -> None:
    """Set closed streams to None like the interpreter's start, and turn uncaught errors into a traceback and exit 1."""
    from secconsole.__main__ import main

    signal.alarm(PATIENCE)
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
    for number in asked["full"]:
        os.dup2(os.open("/dev/full", os.O_WRONLY), number)
    for number in asked["closed"]:
        os.close(number)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        opened = None if number in asked["closed"] else os.fdopen(number, mode, encoding="utf-8", closefd=False)
        setattr(sys, name, opened)
    os.environ.update(asked["environment"])
    sys.argv = ["secconsole", *asked["arguments"]]
    code: object = 1
    try:
        main()
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        import traceback

        os.write(files[2].fileno(), "".join(traceback.format_exception(error)).encode())
    try:  # the interpreter's own end
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:
        code = 120
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _serve()
