"""A process that has everything imported and runs programs in forks: a start costs a twentieth of the interpreter's.

Programs run as `python -m MODULE` would, with their own streams, environment, arguments and session, and end like it.
What is about the start itself (imports, the environment that they read, keys typed meanwhile) needs a real one.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import secconsole
from tests import cheap_passwords

ROOT = Path(__file__).parents[1]
_LONGEST = 1 << 20  # bytes of a request
#: read when Textual is imported; the program sets it before
_BEFORE_IMPORTS = {"TEXTUAL_FPS": "120"}


class Forked:
    """A program in a fork, with what terminals and servers need of `subprocess.Popen`."""

    def __init__(self, pid: int, status: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, or raise `subprocess.TimeoutExpired`."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = int(self._status.recv(16) or -signal.SIGKILL)
                self._status.close()
            except (TimeoutError, BlockingIOError):
                return None
        return self.returncode


class Prepared:
    """A process that forks, to be closed at the end."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.prepared", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=os.environ | _BEFORE_IMPORTS
        )
        theirs.close()

    def start(
        self, words: Sequence[str], streams: Sequence[int], env: Mapping[str, str] | None = None, cwd: str | None = None
    ) -> Forked:
        """Start a module with its arguments on three streams. If they are a terminal it becomes its controlling one."""
        ours, theirs = socket.socketpair()
        request = {"words": list(words), "env": dict(os.environ if env is None else env), "cwd": cwd or os.getcwd()}
        socket.send_fds(self._requests, [json.dumps(request).encode()], [*streams, theirs.fileno()])
        theirs.close()
        return Forked(int(self._requests.recv(16)), ours)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


@cache
def prepared() -> Prepared:
    """Return the process of this one, started by the first test that needs it."""
    made = Prepared()
    atexit.register(made.close)
    return made


def _serve(requests: socket.socket) -> list[str]:
    """Fork for each request, and return its words in the fork."""
    running: dict[int, int] = {}

    def reap(*_: object) -> None:
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                pipe = running.pop(pid)
                with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
                    os.write(pipe, str(os.waitstatus_to_exitcode(status)).encode())
                os.close(pipe)

    signal.signal(signal.SIGCHLD, reap)
    while True:
        content, descriptors, *_ = socket.recv_fds(requests, _LONGEST, 4)
        if not content:
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            requests.close()
            for other in running.values():
                os.close(other)
            return _become(json.loads(content), descriptors)
        *streams, running[pid] = descriptors
        for stream in streams:
            os.close(stream)
        requests.send(str(pid).encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _become(request: dict[str, object], descriptors: Sequence[int]) -> list[str]:
    """Take over streams, terminal, folder and environment of a request, and return its words."""
    os.setsid()
    for at, stream in enumerate(descriptors[:3]):
        os.dup2(stream, at)
    for descriptor in descriptors:
        os.close(descriptor)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for at, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = os.fdopen(at, mode, encoding="utf-8", closefd=False, buffering=-1 if at == 0 else 1)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    time.tzset()
    return list(request["words"])  # type: ignore[call-overload]


def _main() -> None:
    for module in pkgutil.walk_packages(secconsole.__path__, "secconsole."):
        if not module.name.endswith((".__main__", "migrations.env")):
            import_module(module.name)
    cheap_passwords.cheapen()
    gc.collect()
    gc.freeze()
    module, *arguments = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = [module, *arguments]
    _end(_run(module))


def _run(module: str) -> int:
    """Run a module like the interpreter does, and return the exit code."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _end(code: int) -> None:
    """End like the interpreter, but for taking apart every object: touching them all costs more than the fork."""
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        code = 120  # as the interpreter has it
    os._exit(code)


if __name__ == "__main__":
    _main()
