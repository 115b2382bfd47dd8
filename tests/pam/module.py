"""The real module: built with warnings as errors, loaded by real programs, answered by a real agent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import wait_until
from tests.prepared import Forked, prepared

ROOT = Path(__file__).parents[2]
SERVICE = "secconsole-test"
_WRAPPERS = ("libpam_wrapper.so", "libnss_wrapper.so")


def missing() -> str:
    """Return what the tests of the module lack on this machine, or an empty text."""
    programs = [name for name in ("make", "gcc", "pamtester") if shutil.which(name) is None]
    headers = [] if Path("/usr/include/security/pam_modules.h").exists() else ["libpam0g-dev"]
    wrappers = [name for name in _WRAPPERS if not any(_libraries(name))]
    return ", ".join(programs + headers + wrappers)


def _libraries(name: str) -> Iterator[Path]:
    for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib"):
        yield from Path(folder).glob(f"**/{name}")


def build(folder: Path, *, flags: str = "") -> Path:
    """Build the module in a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["make", "--silent", "-C", str(ROOT / "pam"), f"OUT={folder}"]
    subprocess.run([*words, f"CFLAGS=-O1 -g {flags}"] if flags else words, check=True, timeout=60)
    return folder / "pam_secconsole.so"


@dataclass(frozen=True)
class Machine:
    """A folder that plays a machine's /etc/pam.d, with its agent's socket."""

    folder: Path
    module: Path

    @property
    def socket(self) -> Path:
        return self.folder / "pam.sock"

    def configure(self, *options: str, service: str = SERVICE, before: str = "") -> None:
        (self.folder / "pam.d").mkdir(exist_ok=True)
        words = " ".join((f"socket={self.socket}", "tenant=acme", "timeout=30", *options))
        auth = f"{before}auth required {self.module} {words}\n"
        for name in (service, "other"):
            (self.folder / "pam.d" / name).write_text(f"{auth}account required pam_permit.so\n")

    def environment(self, *preloaded: str) -> dict[str, str]:
        return {
            **os.environ,
            "LD_PRELOAD": " ".join((*preloaded, _WRAPPERS[0])),
            "PAM_WRAPPER": "1",
            "PAM_WRAPPER_SERVICE_DIR": str(self.folder / "pam.d"),
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        }

    def try_user(
        self, user: str, replies: str, *, under: tuple[str, ...] = (), preloaded: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Authenticate with replies that are read line by line, as a program without a terminal has them."""
        return subprocess.run(
            [*under, "pamtester", SERVICE, user, "authenticate"],
            input=replies,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment(*preloaded),
        )


@dataclass(frozen=True)
class Running:
    """A running agent."""

    process: Forked
    log: Path

    def said(self) -> str:
        return self.log.read_text()


@contextmanager
def agent(machine: Machine, home: Path, *options: str) -> Iterator[Running]:
    """Run an agent on the store of a demo."""
    log = machine.folder / "agent.log"
    words = ("secconsole", "pam-agent", "--demo", "--listen", f"unix:{machine.socket}", "--allow-user", _own_name())
    env = {**os.environ, "SECCONSOLE_HOME": str(home), "SECCONSOLE_TENANT": "acme"}
    with log.open("ab") as written, open(os.devnull, "rb") as nothing:
        streams = [nothing.fileno(), written.fileno(), written.fileno()]
        running = Running(prepared().start((*words, *options), streams, env, str(ROOT)), log)
    try:
        wait_until(lambda: "Listening" in running.said() or running.process.poll() is not None, "the agent listens")
        assert running.process.poll() is None, running.said()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


def _own_name() -> str:
    import getpass

    return getpass.getuser()
