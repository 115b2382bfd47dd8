"""The HTTP client: retries, errors without a response, and trust."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from secconsole.backends import http, http_client
from secconsole.backends.base import NoAnswer, NotTrusted
from secconsole.backends.http import HttpBackend
from secconsole.backends.http_errors import LONGEST_DETAIL
from secconsole.domain.errors import Conflict, Invalid, NotSignedIn, SecconsoleError, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Nobody, StoreOwner
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tenants import ListTenants
from secconsole.operations.user_changes import UnlockUser
from tests.backends.conftest import DROP, SILENCE, Authority, Line, Said, scripted

TENANTS = Said(body='{"items":[]}', headers=("content-type: application/json",))
BUSY = Said(503, json.dumps({"code": "unavailable", "detail": "The disk is full."}), ("retry-after: 0",))
READS, WRITES = ListTenants(), UnlockUser(tenant="acme", user="ana")
DONE = Said(204)


def client(port: int, *, ca_file: Path | None = None, scheme: str = "http", host: str = "127.0.0.1") -> HttpBackend:
    return HttpBackend(f"{scheme}://{host}:{port}", Bearer(Secret("t0ken")), ca_file)


# ---- repeating -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [[DROP], [DROP, DROP], [BUSY], [BUSY, DROP], [Said(502)]])
@pytest.mark.parametrize("operation, answer", [(READS, TENANTS), (WRITES, DONE)])
async def test_a_request_that_failed_in_transit_is_retried(
    trouble: list[Line], operation: object, answer: Line
) -> None:
    async with scripted([*trouble, answer]) as (port, asked):
        backend = client(port)
        await backend.perform(operation)  # type: ignore[arg-type]
        await backend.close()
    assert len(asked.lines) == len(trouble) + 1
    assert len(set(asked.keys)) == 1  # a repetition is known by the key of the first
    assert bool(asked.keys[0]) == (operation is WRITES)


async def test_two_changes_have_different_keys() -> None:
    async with scripted([DONE, DONE]) as (port, asked):
        backend = client(port)
        await backend.perform(WRITES)
        await backend.perform(WRITES)
        await backend.close()
    assert len(set(asked.keys)) == 2


async def test_a_retried_change_keeps_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "ANSWER", 0.1)
    async with scripted([SILENCE, DONE, DONE]) as (port, asked):
        backend = client(port)
        with pytest.raises(NoAnswer, match="may or may not") as failed:
            await backend.perform(WRITES)
        assert failed.value.perhaps_done
        await backend.perform(WRITES)
        await backend.perform(WRITES)
        await backend.close()
    assert asked.keys[0] == asked.keys[1] != asked.keys[2]


class ProvedElsewhere:
    """A token in a file, which another program has proved and replaced meanwhile."""

    def locked(self) -> AbstractContextManager[None]:
        return nullcontext()

    def newest(self) -> Secret[str]:
        return Secret("newer")

    def replace(self, token: Secret[str]) -> None:
        raise AssertionError("nothing was proved here")


async def test_a22_an_unanswered_change_is_not_retried_with_the_token_of_another_program() -> None:
    """With another token its key is another one, so that it would be done twice."""
    void = Said(401, json.dumps({"code": "not-signed-in", "detail": "Your session has ended."}))
    async with scripted([DROP, void, DONE]) as (port, asked):
        backend = HttpBackend(f"http://127.0.0.1:{port}", Bearer(Secret("t0ken")), kept=ProvedElsewhere())
        with pytest.raises(NoAnswer, match="may or may not") as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert failed.value.perhaps_done
    assert asked.tokens == ["bearer t0ken"] * 2


async def test_an_abandoned_change_keeps_its_key_for_the_same_user_only() -> None:
    async with scripted([SILENCE, DONE, DONE]) as (port, asked):
        backend = client(port)
        left = asyncio.create_task(backend.perform(WRITES))
        while not asked.keys:
            await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait((left,))
        backend.credential = Bearer(Secret("another"))
        await backend.perform(WRITES)
        backend.credential = Bearer(Secret("t0ken"))
        await backend.perform(WRITES)
        await backend.close()
    assert asked.keys[0] == asked.keys[2] != asked.keys[1]


async def test_a_refusal_is_not_retried() -> None:
    conflict = Said(409, json.dumps({"code": "conflict", "detail": "Unlocked already."}))
    async with scripted([conflict, DONE]) as (port, asked):
        backend = client(port)
        with pytest.raises(Conflict, match="Unlocked already"):
            await backend.perform(WRITES)
        await backend.close()
    assert len(asked.lines) == 1


async def test_a_retry_after_beyond_the_deadline_fails_at_once() -> None:
    busy = Said(503, json.dumps({"code": "unavailable", "detail": "Being upgraded."}), ("retry-after: 120",))
    async with scripted([busy, TENANTS]) as (port, asked):
        backend = client(port)
        with pytest.raises(Unavailable, match="Being upgraded") as failed:
            await backend.perform(READS)
        await backend.close()
    assert len(asked.lines) == 1
    assert not isinstance(failed.value, NoAnswer)  # it did answer


async def test_an_overloaded_server_is_reported_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.1)
    async with scripted([Said(503, "Service Unavailable")] * 9) as (port, _):
        backend = client(port)
        with pytest.raises(Unavailable, match="too busy at the moment"):
            await backend.perform(READS)
        await backend.close()


async def test_retry_after_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.001)
    busy = Said(503, "{}", ("retry-after: 1",))
    async with scripted([busy, TENANTS]) as (port, _):
        backend = client(port)
        began = time.monotonic()
        await backend.perform(READS)
        assert time.monotonic() - began >= 1
        await backend.close()


@pytest.mark.parametrize("operation, tail", [(READS, "Nothing was changed."), (WRITES, "Nothing was changed.")])
async def test_an_unreachable_server_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, operation: object, tail: str
) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.5)
    async with scripted([]) as (port, _):
        pass
    backend = client(port)
    began = time.monotonic()
    with pytest.raises(NoAnswer) as failed:
        await backend.perform(operation)  # type: ignore[arg-type]
    assert failed.value.message == f"127.0.0.1:{port} cannot be reached: the connection was refused. {tail}"
    assert failed.value.exit_code == 6
    assert time.monotonic() - began < 2
    await backend.close()


async def test_a_connection_that_always_breaks_leaves_the_outcome_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.2)
    async with scripted([]) as (port, asked):
        backend = client(port)
        with pytest.raises(NoAnswer, match="check before you repeat it") as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert failed.value.perhaps_done
    assert len(set(asked.keys)) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[1]", "[" * 100_000, '{"detail": 5}'])
@pytest.mark.parametrize("status", [200, 404, 418, 500])
async def test_a_server_that_is_not_secconsole_is_reported(status: int, body: str) -> None:
    async with scripted([Said(status, body)]) as (port, _):
        backend = client(port)
        with pytest.raises(SecconsoleError) as failed:
            await backend.perform(READS)
        await backend.close()
    assert failed.value.message
    assert "\n" not in failed.value.message


async def test_an_endless_response_is_not_buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LONGEST_ANSWER", 1000)
    endless = Said(200, '{"items":[]}' + " " * 1000)
    async with scripted([endless, endless]) as (port, _):
        backend = client(port)
        with pytest.raises(NoAnswer, match="too long for a secconsole server"):
            await backend.perform(READS)
        with pytest.raises(NoAnswer, match="too long"):
            await backend.reach()
        await backend.close()


async def test_a_compressed_response_is_not_decompressed() -> None:
    """A few compressed bytes could fill the memory, and none were requested."""

    class Packed(Said):
        def encode(self) -> bytes:
            packed = gzip.compress(self.body.encode())
            return b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed

    async with scripted([Packed(200, TENANTS.body)]) as (port, _):
        backend = client(port)
        with pytest.raises(SecconsoleError, match="not from a secconsole server"):
            await backend.perform(READS)
        await backend.close()


async def test_an_error_page_is_not_read_at_length() -> None:
    conflict = Said(409, json.dumps({"code": "conflict", "detail": "no " * 100_000}))
    async with scripted([conflict]) as (port, _):
        backend = client(port)
        with pytest.raises(Conflict) as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert len(failed.value.message) <= LONGEST_DETAIL


async def test_redirects_are_not_followed_with_the_token() -> None:
    async with scripted([TENANTS]) as (elsewhere, asked):
        moved = Said(307, "", (f"location: http://127.0.0.1:{elsewhere}/v1/tenants",))
        async with scripted([moved]) as (port, _):
            backend = client(port)
            with pytest.raises(Unavailable):
                await backend.perform(READS)
            await backend.close()
    assert asked.lines == []


async def test_proxy_variables_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted([TENANTS]) as (port, _), scripted([TENANTS]) as (proxy, through):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        backend = client(port)
        await backend.perform(READS)
        await backend.close()
    assert through.lines == []


async def test_the_store_owner_has_no_rights_over_a_server() -> None:
    with pytest.raises(Invalid, match="sign-in"):
        HttpBackend("http://127.0.0.1:1", StoreOwner("ana"))


# ---- the stream of changes -------------------------------------------------------------------------------------------


async def follow(backend: HttpBackend, reply: list[None]) -> None:
    async for change in backend.changes():
        reply.append(change)


async def test_changes_arrive_until_the_connection_is_lost() -> None:
    words = ": hello\n\nevent: change\ndata: {}\n\n: still here\n\nevent: change\ndata: {}\n\n"
    async with scripted([Said(200, words)]) as (port, _):
        backend = client(port)
        reply: list[None] = []
        with pytest.raises(NoAnswer):
            await follow(backend, reply)
        await backend.close()
    assert len(reply) == 3


async def test_a_silent_stream_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SILENCE", 0.1)
    monkeypatch.setattr(http, "HELLO", 0.1)
    partly = Said(200, ": hello\n\n", ("x: y",))
    short = Said(partly.status, partly.body + " " * 50)

    class Longer(Said):
        def encode(self) -> bytes:
            return short.encode()[:-50]  # more is announced than comes

    async with scripted([Longer(), SILENCE]) as (port, _):
        backend = client(port)
        reply: list[None] = []
        with pytest.raises(NoAnswer, match="does not answer"):
            await follow(backend, reply)
        assert len(reply) == 1
        assert backend.silent_for() >= 0.1
        with pytest.raises(NoAnswer, match="does not answer"):
            await backend.reach()
        await backend.close()


async def test_an_endless_line_is_not_buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LONGEST_LINE", 1000)
    async with scripted([Said(200, ": hello\n\n" + "a" * 1001)]) as (port, _):
        backend = client(port)
        reply: list[None] = []
        with pytest.raises(NoAnswer, match="too long"):
            await follow(backend, reply)
        await backend.close()
    assert len(reply) == 1


async def test_an_ended_session_ends_the_stream_with_a_reason() -> None:
    conflict = Said(401, json.dumps({"code": "not-signed-in", "detail": "Your session has ended."}))
    async with scripted([conflict]) as (port, _):
        backend = client(port)
        with pytest.raises(NotSignedIn, match="has ended"):
            await follow(backend, [])
        await backend.close()


# ---- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_server_with_a_certificate_of_a_given_authority_is_trusted(authority: Authority) -> None:
    async with scripted([TENANTS, TENANTS], authority.server()) as (port, asked):
        for host in ("localhost", "127.0.0.1"):
            backend = client(port, ca_file=authority.file, scheme="https", host=host)
            await backend.perform(READS)
            await backend.close()
    assert asked.tokens == ["bearer t0ken"] * 2


async def test_the_system_trust_store_is_used_without_a_file(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with scripted([TENANTS], authority.server()) as (port, _):
        backend = client(port, scheme="https", host="localhost")
        await backend.perform(READS)
        await backend.close()


@pytest.mark.parametrize(
    "names, days, self_signed, trusted, words",
    [
        (("localhost",), (-9, -2), False, True, "has expired"),
        (("localhost",), (2, 9), False, True, "is not valid yet. Check this machine's clock."),
        (("other.example",), (-1, 9), False, True, "is for another name"),
        (("127.0.0.1",), (-1, 9), False, True, "is for another name"),
        (("localhost",), (-1, 9), False, False, "an authority that this machine does not trust. If the server"),
        (("localhost",), (-1, 9), True, False, "is self-signed and not trusted by this machine. If the server"),
        (("localhost",), (-1, 9), True, True, "is self-signed"),
    ],
)
async def test_an_invalid_certificate_is_explained_and_nothing_is_sent(
    authority: Authority, names: list[str], days: tuple[int, int], self_signed: bool, trusted: bool, words: str
) -> None:
    shown = authority.server(names, days=days, self_signed=self_signed)
    async with scripted([TENANTS, TENANTS], shown) as (port, asked):
        backend = client(port, ca_file=authority.file if trusted else None, scheme="https", host="localhost")
        for ask in (lambda: backend.perform(READS), lambda: backend.perform(WRITES), backend.reach):
            began = time.monotonic()
            with pytest.raises(NotTrusted) as failed:
                await ask()  # type: ignore[operator]
            assert words in failed.value.message
            assert failed.value.message.endswith("Nothing was sent.")
            assert time.monotonic() - began < http.TRY_FOR / 2  # not retried
        with pytest.raises(NotTrusted):
            await follow(backend, [])
        await backend.close()
    assert asked.lines == []


async def test_a_given_authority_is_the_only_trusted_one(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", "Another authority")
    async with scripted([TENANTS], other.server()) as (port, asked):
        backend = client(port, ca_file=authority.file, scheme="https", host="localhost")
        with pytest.raises(NotTrusted, match="--ca-file"):
            await backend.perform(READS)
        await backend.close()
    assert asked.lines == []


async def test_plain_http_where_encryption_was_expected_is_reported() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(Said(400, "What?").encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        backend = client(server.sockets[0].getsockname()[1], scheme="https", host="localhost")
        with pytest.raises(NotTrusted, match="no encryption in common"):
            await backend.perform(READS)
        await backend.close()


async def test_a_slow_tls_handshake_is_reported_as_slow_not_as_untrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HELLO", 0.1)
    async with scripted([]) as (port, _):
        backend = client(port, scheme="https", host="localhost")
        with pytest.raises(NoAnswer, match="does not answer") as failed:
            await backend.reach()
        assert not isinstance(failed.value, NotTrusted)
        await backend.close()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_without_certificates_is_reported(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Unavailable, match=r"The CA file .*ca\.pem cannot be used"):
        HttpBackend("https://localhost:1", Nobody(), file)


async def test_a_token_that_is_invalid_in_a_header_is_not_sent() -> None:
    backend = HttpBackend("http://127.0.0.1:1", Bearer(Secret("a\r\nx: y")))
    with pytest.raises(NotSignedIn):
        await backend.perform(WhoAmI())
    await backend.close()
