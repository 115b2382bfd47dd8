"""A PostgreSQL that cannot be used as configured: the first connection names the setting and what to do.

The pooler is PgBouncer if installed, otherwise a socket that sends its refusal in the protocol.
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.store.postgres.address import parse_database_url
from secconsole.store.postgres.runner import PostgresStore
from tests.cli.conftest import PASSWORD, Shell
from tests.postgres import Cluster, wait_until

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
IGNORED = "extra_float_digits,plan_cache_mode,idle_in_transaction_session_timeout,lock_timeout"


def refusal(code: str, message: str) -> bytes:
    """An ErrorResponse, as a server ends a connection that it does not want."""
    fields = b"".join(name + text.encode() + b"\0" for name, text in ((b"S", "FATAL"), (b"C", code), (b"M", message)))
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


@contextmanager
def speaking(answer: bytes, *, hold: bool = False) -> Iterator[str]:
    """The address of a port that answers the first message of each connection so, and no more."""
    listening, lines = socket.create_server(("127.0.0.1", 0)), list[socket.socket]()

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
                lines.append(line)
                if line.recv(4096)[4:8] == struct.pack("!i", 80877103):  # a question for TLS
                    line.sendall(b"N")
                    line.recv(4096)
                line.sendall(answer)
                if not hold:
                    line.close()
            except OSError:
                if listening.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"postgresql://app@127.0.0.1:{listening.getsockname()[1]}/app"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for line in lines:
            line.close()


@contextmanager
def pooler(cluster: Cluster, name: str, *settings: str) -> Iterator[str]:
    """The address of a database behind PgBouncer."""
    assert PGBOUNCER is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = cluster.folder
    lines = (
        "[databases]",
        f"* = host={folder} port=5432 user=postgres",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "auth_type = any",
        f"logfile = {folder}/pgbouncer.log",
        "unix_socket_dir =",
        "pool_mode = transaction",
        *settings,
    )
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    as_user = {key: value for key, value in cluster._as.items() if key != "env"}
    process = subprocess.Popen([PGBOUNCER, "-q", folder / "pgbouncer.ini"], stderr=subprocess.DEVNULL, **as_user)

    def listens() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(listens, "PgBouncer")
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def refusing_pooler(cluster: Cluster, name: str) -> Iterator[str]:
    """A pooler that refuses what it does not know."""
    if PGBOUNCER is not None:
        with pooler(cluster, name) as url:
            yield url
    else:
        with speaking(refusal("08P01", "unsupported startup parameter: lock_timeout")) as url:
            yield url


@contextmanager
def ignoring_pooler(cluster: Cluster, name: str) -> Iterator[str]:
    """Run a pooler that drops unknown parameters: PgBouncer configured so, or a relay."""
    if PGBOUNCER is not None:
        with pooler(cluster, name, f"ignore_startup_parameters = {IGNORED}") as url:
            yield url
    else:
        with relaying(cluster) as port:
            yield f"postgresql://postgres@127.0.0.1:{port}/{name}"


@contextmanager
def relaying(cluster: Cluster) -> Iterator[int]:
    """A port that leads to a cluster, and passes on nothing but user and database."""
    listening, lines = socket.create_server(("127.0.0.1", 0)), list[socket.socket]()

    def pass_on(origin: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := origin.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listening.accept()
                inner = socket.socket(socket.AF_UNIX)
                inner.connect(f"{cluster.folder}/.s.PGSQL.5432")
                lines.extend((line, inner))
                inner.sendall(_without_settings(line))
                for pair in ((line, inner), (inner, line)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for line in lines:
            line.close()


def _without_settings(line: socket.socket) -> bytes:
    """Return the startup message of a connection without optional parameters, refusing its request for TLS."""
    while True:
        (length,) = struct.unpack("!i", line.recv(4, socket.MSG_WAITALL))
        message = line.recv(length - 4, socket.MSG_WAITALL)
        if message[:4] != struct.pack("!i", 80877103):
            break
        line.sendall(b"N")
    words = message[4:].split(b"\0")
    kept = [
        part
        for name, value in zip(words[::2], words[1::2], strict=False)
        if name in (b"user", b"database", b"client_encoding")
        for part in (name, value)
    ]
    body = message[:4] + b"\0".join(kept) + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


def test_the_relay_ignores_settings_like_a_pooler(postgres: Cluster) -> None:
    with postgres.database() as dsn, relaying(postgres) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{postgres.name_of(dsn)}"
        with pytest.raises(Unavailable, match=r"pooler.*ignores lock_timeout"):
            PostgresStore(parse_database_url(url))


def test_a_pooler_that_refuses_a_setting_is_reported(postgres: Cluster, nowhere: Shell) -> None:
    with postgres.database() as dsn, refusing_pooler(postgres, postgres.name_of(dsn)) as url:
        for line in (("store", "migrate", "--store", url), ("serve", "--check", "--store", url)):
            shutil.rmtree(nowhere.home, ignore_errors=True)
            answer = nowhere(*line)
            assert (answer.code, answer.err.count("\n")) == (6, 1), answer.err
            if line[0] == "store":
                assert "pooler" in answer.err
                assert "lock_timeout" in answer.err
                assert "in a moment" not in answer.err


def test_a_pooler_that_ignores_a_setting_is_refused_too(postgres: Cluster) -> None:
    """Else a lock would be waited for without end."""
    with (
        postgres.database() as dsn,
        ignoring_pooler(postgres, postgres.name_of(dsn)) as url,
        pytest.raises(Unavailable, match=r"pooler.*ignores lock_timeout"),
    ):
        PostgresStore(parse_database_url(url))


def test_a_database_that_is_not_utf_8_is_refused_with_the_command_to_create_one(
    postgres: Cluster, nowhere: Shell
) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        dsn = postgres.dsn("latin")
        for line in (
            ("store", "migrate", "--store", dsn),
            ("init", "--store", dsn, "--tenant", "acme", "--admin", "root", "--password-stdin"),
        ):
            answer = nowhere(*line, input=PASSWORD)
            assert (answer.code, answer.err.count("\n")) == (6, 1), answer.err
            assert "LATIN1" in answer.err
            assert "createdb -E UTF8 -T template0" in answer.err
            assert not (nowhere.home / "master.key").exists()
        assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "latin") == "0"
    finally:
        postgres.drop_database(postgres.dsn("latin"))


def test_serve_check_refuses_a_database_that_is_not_utf_8(postgres: Cluster, shell: Shell) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        answer = shell("serve", "--check", "--store", postgres.dsn("latin"))
        assert (answer.code, "LATIN1" in answer.err, answer.err.count("\n")) == (6, True, 1)
    finally:
        postgres.drop_database(postgres.dsn("latin"))


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("28P01", 'password authentication failed for user "app"', "Check the user, and the password"),
        ("28000", "no pg_hba.conf entry", "refuses the login"),
        ("3D000", 'database "app" does not exist', "The database does not exist"),
        ("08P01", 'database "app" does not exist', "The database does not exist"),  # PgBouncer's message
        ("08P01", "unsupported startup parameter: plan_cache_mode", "plan_cache_mode"),
        ("08P01", "no such user: app", "no such user: app"),
        ("53300", "sorry, too many clients already", "max_connections"),
        ("57P03", "the database system is starting up", "starting up"),
        ("42704", 'unrecognized configuration parameter "plan_cache_mode"', "PostgreSQL 12 or newer"),
        ("XX000", "something else", "XX000"),
    ],
)
def test_connection_refusals_are_distinguished(nowhere: Shell, code: str, message: str, words: str) -> None:
    with speaking(refusal(code, message)) as url:
        answer = nowhere("store", "migrate", "--store", url)
    assert (answer.code, answer.err.count("\n")) == (6, 1), answer.err
    assert words in answer.err


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_not_postgresql_is_unavailable(nowhere: Shell, answer: bytes) -> None:
    with speaking(answer) as url:
        ended = nowhere("store", "migrate", "--store", url)
    assert (ended.code, ended.err.count("\n")) == (6, 1), ended.err
    assert "internal error" not in ended.err


def test_a_silent_server_is_given_up(nowhere: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secconsole.store.postgres.runner.CONNECT", 0.2)
    with speaking(b"", hold=True) as url:
        ended = nowhere("store", "migrate", "--store", url)
    assert (ended.code, "does not answer" in ended.err) == (6, True), ended.err


def test_a_read_only_server_is_reported(postgres: Cluster, nowhere: Shell) -> None:
    with postgres.database() as dsn:
        postgres.sql(f"ALTER DATABASE {postgres.name_of(dsn)} SET default_transaction_read_only = on")
        answer = nowhere("store", "migrate", "--store", dsn)
    assert (answer.code, "is writable" in answer.err) == (6, True), answer.err


def test_driver_messages_about_an_address_are_kept(nowhere: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "whatever")
    answer = nowhere("store", "migrate", "--store", "postgresql://app@127.0.0.1:1/app")
    assert (answer.code, answer.err.count("\n")) == (6, 1), answer.err
    assert "sslmode" in answer.err
