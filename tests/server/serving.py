"""A real `secconsole serve` process, and raw connections to it."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.prepared import Forked, prepared

_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
LONGEST = 60.0  # seconds until a process that should have done something counts as hung


@dataclass
class Server:
    """A running server. `notified` is what it has sent to systemd so far."""

    process: subprocess.Popen[bytes] | Forked
    notices: socket.socket
    log_path: Path
    notified: list[str] = field(default_factory=list)

    def wait_for(self, notice: str) -> None:
        """Wait until it notifies systemd of a state, or fail if it ends instead."""
        while notice not in self.notified:
            ready, _, _ = select.select([self.notices], [], [], 0.1)
            if ready:
                self.notified.append(self.notices.recv(4096).decode())
            else:
                assert self.process.poll() is None, self.log()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    @property
    def port(self) -> int:
        """The one that it took, having been given 127.0.0.1:0."""
        found = re.search(r"Listening on 127\.0\.0\.1:(\d+)", self.log())
        assert found is not None
        return int(found[1])

    def exit_code(self) -> int:
        return self.process.wait(LONGEST)

    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for_log(self, words: str) -> None:
        """Wait until it wrote something to its log."""
        while words not in self.log():
            assert self.process.poll() is None, self.log()
            select.select([], [], [], 0.01)


@contextmanager
def serving(
    tmp_path: Path,
    *arguments: str,
    sockets: list[socket.socket] | None = None,
    stderr: int | None = None,
    before: str = "",
) -> Iterator[Server]:
    """Start it, wait until it is ready, and kill it at the end if it still runs.

    `sockets` are handed over; `before` is a program that executes its arguments in the end.
    """
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = tmp_path / f"notify-{len(list(tmp_path.iterdir()))}"
    notices.bind(str(address))
    log_path = address.with_suffix(".log")
    command = [sys.executable, "-m", "secconsole", "serve", *arguments]
    if before:
        command = [sys.executable, "-I", "-c", before, *command]
    environment = {**os.environ, "NOTIFY_SOCKET": str(address)}
    handed = [opened.fileno() for opened in sockets or []]
    if handed:  # as systemd does: from 3 on, and for the very process that is executed
        assert len(handed) == 1
        command = [sys.executable, "-I", "-c", _HAND_OVER, str(handed[0]), *command]
    with notices, open(log_path, "wb") as log, open(os.devnull) as nothing:
        errors = stderr or log.fileno()
        process: subprocess.Popen[bytes] | Forked
        if handed or before:
            process = subprocess.Popen(
                command, stdin=nothing, stdout=log, stderr=errors, env=environment, pass_fds=handed
            )
        else:
            process = prepared().start(command[2:], (nothing.fileno(), log.fileno(), errors), environment)
        server = Server(process, notices, log_path)
        try:
            server.wait_for("READY=1")
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(LONGEST)


@dataclass
class Line:
    """A connection to a server, by hand."""

    socket: socket.socket
    seen: bytes = b""

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A request's lines, and perhaps a part of its body."""
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def until(self, end: bytes) -> bytes:
        """Return what arrives up to a marker, or nothing if the server closed the connection before."""
        while end not in self.seen:
            more = self.socket.recv(65536)
            if not more:
                return b""
            self.seen += more
        found, _, self.seen = self.seen.partition(end)
        return found + end

    def rest(self) -> bytes:
        """Return everything until the server closes the connection."""
        while more := self.socket.recv(65536):
            self.seen += more
        found, self.seen = self.seen, b""
        return found


@contextmanager
def line_to(path: Path) -> Iterator[Line]:
    """A connection to a UNIX socket."""
    with socket.socket(socket.AF_UNIX) as opened:
        opened.settimeout(LONGEST)
        opened.connect(str(path))
        yield Line(opened)
