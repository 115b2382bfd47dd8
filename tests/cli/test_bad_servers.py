"""A server that is silent, broken or not ours: one line and exit 6, after at most fifteen seconds."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from secconsole.backends import http, http_client
from tests.cli.conftest import Shell

HTML = b"<html><body>It works!</body></html>"


def reply(status: str, body: bytes = b"", *more: str, length: int | None = None) -> bytes:
    head = (f"HTTP/1.1 {status}", f"content-length: {len(body) if length is None else length}", *more)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@contextmanager
def server(answer: bytes | None, *, hold: bool = False) -> Iterator[int]:
    """Run a server that gives every request the same answer, or none, and with `hold` keeps the connection open."""
    listening = socket.create_server(("127.0.0.1", 0))
    lines: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            lines.append(line)
            threading.Thread(target=talk, args=(line,), daemon=True).start()

    def talk(line: socket.socket) -> None:
        try:
            if answer is None:
                line.recv(1)
            elif line.recv(65536):
                line.sendall(answer)
            if hold or answer is None:
                while line.recv(65536):  # until the client closes the connection
                    pass
        except OSError:
            pass
        finally:
            line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for line in lines:
            line.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits short enough for a test."""
    monkeypatch.setattr(http, "ANSWER", 0.4)
    monkeypatch.setattr(http, "TRY_FOR", 0.2)


FAULTS: dict[str, tuple[bytes | None, bool, str]] = {
    "silent": (None, True, "does not answer"),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", True, "does not answer"),
    "half a body": (reply("200 OK", b'{"items":[', length=500), True, "does not answer"),
    "half a body and gone": (reply("200 OK", b'{"items":[', length=500), False, "cannot be reached"),
    "closed at once": (b"", False, "cannot be reached"),
    "garbage": (b"\x00\xff\x16SSH-2.0-OpenSSH_9.2\r\n\r\n", False, "does not speak HTTP"),
    "HTML": (reply("200 OK", HTML, "content-type: text/html"), False, "Check the address."),
    "other JSON": (reply("200 OK", b'{"hello": 1}'), False, "Check the address."),
    "no JSON at all": (reply("200 OK", b"\xff\xfe\x00"), False, "Check the address."),
    "nothing in it": (reply("200 OK"), False, "Check the address."),
    "redirect": (reply("302 Found", b"", "location: http://127.0.0.1:9/"), False, "answered with status 302"),
    "400 of something else": (reply("400 Bad Request", HTML), False, "answered with status 400"),
    "404 of something else": (reply("404 Not Found", HTML), False, "answered with status 404"),
    "413 of a proxy": (reply("413 Too Large", HTML), False, "answered with status 413"),
    "500": (reply("500 Oops", HTML), False, "answered with status 500"),
    "502 of a proxy": (reply("502 Bad Gateway", HTML), False, "cannot reach the server"),
    "504 of a proxy": (reply("504 Timeout", HTML), False, "cannot reach the server"),
    "503 of a proxy": (reply("503 Busy", HTML), False, "too busy"),
    "407": (reply("407 Proxy", HTML), False, "answered with status 407"),
    "101": (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", False, ""),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("line", [("user", "list", "--tenant", "acme"), ("user", "enable", "ana", "--tenant", "acme")])
def test_a_bad_server_is_one_line_and_exit_6(
    nowhere: Shell, impatient: None, fault: str, line: tuple[str, ...]
) -> None:
    answer, hold, words = FAULTS[fault]
    began = time.monotonic()
    with server(answer, hold=hold) as port:
        ended = nowhere(*line, "--backend", f"http://127.0.0.1:{port}")
    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1), ended.err
    assert "internal error" not in ended.err
    if line[1] == "list":  # the message for a change may be that the result is unsure
        assert words in ended.err
    assert time.monotonic() - began < 5


def test_the_total_wait_is_at_most_fifteen_seconds() -> None:
    assert http_client.ANSWER == 15.0
    assert http_client.CONNECT < http_client.ANSWER
    assert http.TRY_FOR < http_client.ANSWER


async def test_earlier_waits_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that drops the first call and is silent at the second gets no second fifteen seconds."""
    from secconsole.backends.base import NoAnswer
    from secconsole.operations.caller import Nobody
    from secconsole.operations.tenants import ListTenants
    from tests.backends.conftest import DROP, SILENCE, scripted

    given: list[float] = []
    real = asyncio.timeout_at

    def noted(when: float) -> object:
        given.append(when)
        return real(when)

    monkeypatch.setattr(http, "ANSWER", 0.5)
    monkeypatch.setattr("secconsole.backends.http.timeout_at", noted)
    async with scripted([DROP, SILENCE]) as (port, _):
        backend = http.HttpBackend(f"http://127.0.0.1:{port}", Nobody())
        with pytest.raises(NoAnswer):
            await backend.perform(ListTenants())
        await backend.close()
    assert len(given) == 2
    assert given[0] == given[1]


def test_a_command_names_an_unusable_certificate_file(nowhere: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    answer = nowhere("user", "list", "--backend", "https://mfa.acme.example")
    assert (answer.code, answer.err.count("\n")) == (6, 1)
    assert "SSL_CERT_FILE names /nonexistent.pem" in answer.err
