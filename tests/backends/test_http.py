"""The client of a server: what it repeats and how often, what it says when nothing comes, and whom it trusts."""

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
from secconsole.operations.users import UnlockUser
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
async def test_what_failed_on_the_way_is_asked_for_again(trouble: list[Line], operation: object, answer: Line) -> None:
    async with scripted([*trouble, answer]) as (port, asked):
        backend = client(port)
        await backend.perform(operation)  # type: ignore[arg-type]
        await backend.close()
    assert len(asked.lines) == len(trouble) + 1
    assert len(set(asked.keys)) == 1  # a repetition is known by the key of the first
    assert bool(asked.keys[0]) == (operation is WRITES)


async def test_two_changes_have_two_keys() -> None:
    async with scripted([DONE, DONE]) as (port, asked):
        backend = client(port)
        await backend.perform(WRITES)
        await backend.perform(WRITES)
        await backend.close()
    assert len(set(asked.keys)) == 2


async def test_a_change_without_answer_that_is_asked_for_again_has_the_same_key(
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

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def newest(self) -> Secret[str]:
        return Secret("newer")

    def replace(self, token: Secret[str]) -> None:
        raise AssertionError("nothing was proved here")


async def test_a22_what_may_have_been_done_is_not_asked_for_again_with_the_token_of_another_program() -> None:
    """With another token its key is another one, so that it would be done twice."""
    void = Said(401, json.dumps({"code": "not-signed-in", "detail": "Your session has ended."}))
    async with scripted([DROP, void, DONE]) as (port, asked):
        backend = HttpBackend(f"http://127.0.0.1:{port}", Bearer(Secret("t0ken")), kept=ProvedElsewhere())
        with pytest.raises(NoAnswer, match="may or may not") as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert failed.value.perhaps_done
    assert asked.tokens == ["bearer t0ken"] * 2


async def test_leaving_a_change_keeps_its_key_too_but_for_nobody_else() -> None:
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


async def test_an_answer_of_no_is_not_asked_for_again() -> None:
    said = Said(409, json.dumps({"code": "conflict", "detail": "Unlocked already."}))
    async with scripted([said, DONE]) as (port, asked):
        backend = client(port)
        with pytest.raises(Conflict, match="Unlocked already"):
            await backend.perform(WRITES)
        await backend.close()
    assert len(asked.lines) == 1


async def test_who_asks_to_wait_longer_than_we_do_is_told_about_at_once() -> None:
    busy = Said(503, json.dumps({"code": "unavailable", "detail": "Being upgraded."}), ("retry-after: 120",))
    async with scripted([busy, TENANTS]) as (port, asked):
        backend = client(port)
        with pytest.raises(Unavailable, match="Being upgraded") as failed:
            await backend.perform(READS)
        await backend.close()
    assert len(asked.lines) == 1
    assert not isinstance(failed.value, NoAnswer)  # it did answer


async def test_a_server_that_has_too_much_to_do_says_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.1)
    async with scripted([Said(503, "Service Unavailable")] * 9) as (port, _):
        backend = client(port)
        with pytest.raises(Unavailable, match="too much to do just now"):
            await backend.perform(READS)
        await backend.close()


async def test_how_long_is_asked_to_wait_is_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.001)
    busy = Said(503, "{}", ("retry-after: 1",))
    async with scripted([busy, TENANTS]) as (port, _):
        backend = client(port)
        began = time.monotonic()
        await backend.perform(READS)
        assert time.monotonic() - began >= 1
        await backend.close()


@pytest.mark.parametrize("operation, tail", [(READS, "Nothing was changed."), (WRITES, "Nothing was changed.")])
async def test_nobody_there_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch, operation: object, tail: str) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.5)
    async with scripted([]) as (port, _):
        pass
    backend = client(port)
    began = time.monotonic()
    with pytest.raises(NoAnswer) as failed:
        await backend.perform(operation)  # type: ignore[arg-type]
    assert failed.value.message == f"127.0.0.1:{port} cannot be reached: nothing listens there. {tail}"
    assert failed.value.exit_code == 6
    assert time.monotonic() - began < 2
    await backend.close()


async def test_a_line_that_breaks_every_time_leaves_open_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TRY_FOR", 0.2)
    async with scripted([]) as (port, asked):
        backend = client(port)
        with pytest.raises(NoAnswer, match="look before doing it again") as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert failed.value.perhaps_done
    assert len(set(asked.keys)) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[1]", "[" * 100_000, '{"detail": 5}'])
@pytest.mark.parametrize("status", [200, 404, 418, 500])
async def test_what_is_no_secconsole_server_is_told(status: int, body: str) -> None:
    async with scripted([Said(status, body)]) as (port, _):
        backend = client(port)
        with pytest.raises(SecconsoleError) as failed:
            await backend.perform(READS)
        await backend.close()
    assert failed.value.message
    assert "\n" not in failed.value.message


async def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LONGEST_ANSWER", 1000)
    endless = Said(200, '{"items":[]}' + " " * 1000)
    async with scripted([endless, endless]) as (port, _):
        backend = client(port)
        with pytest.raises(NoAnswer, match="more than a secconsole server has to say"):
            await backend.perform(READS)
        with pytest.raises(NoAnswer, match="more than"):
            await backend.reach()
        await backend.close()


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """A few bytes of it could fill the memory; none was asked for."""

    class Packed(Said):
        def encode(self) -> bytes:
            packed = gzip.compress(self.body.encode())
            return b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed

    async with scripted([Packed(200, TENANTS.body)]) as (port, _):
        backend = client(port)
        with pytest.raises(SecconsoleError, match="not understood"):
            await backend.perform(READS)
        await backend.close()


async def test_a_server_is_not_listened_to_for_pages() -> None:
    said = Said(409, json.dumps({"code": "conflict", "detail": "no " * 100_000}))
    async with scripted([said]) as (port, _):
        backend = client(port)
        with pytest.raises(Conflict) as failed:
            await backend.perform(WRITES)
        await backend.close()
    assert len(failed.value.message) <= LONGEST_DETAIL


async def test_nobody_is_followed_elsewhere_with_the_token() -> None:
    async with scripted([TENANTS]) as (elsewhere, asked):
        moved = Said(307, "", (f"location: http://127.0.0.1:{elsewhere}/v1/tenants",))
        async with scripted([moved]) as (port, _):
            backend = client(port)
            with pytest.raises(Unavailable):
                await backend.perform(READS)
            await backend.close()
    assert asked.lines == []


async def test_proxy_variables_of_the_surroundings_are_not_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted([TENANTS]) as (port, _), scripted([TENANTS]) as (proxy, through):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        backend = client(port)
        await backend.perform(READS)
        await backend.close()
    assert through.lines == []


async def test_the_owner_of_a_store_does_not_reach_through_a_server() -> None:
    with pytest.raises(Invalid, match="sign-in"):
        HttpBackend("http://127.0.0.1:1", StoreOwner("ana"))


# ---- the stream of changes -------------------------------------------------------------------------------------------


async def follow(backend: HttpBackend, told: list[None]) -> None:
    async for change in backend.changes():
        told.append(change)


async def test_changes_are_told_until_the_line_is_lost() -> None:
    words = ": hello\n\nevent: change\ndata: {}\n\n: still here\n\nevent: change\ndata: {}\n\n"
    async with scripted([Said(200, words)]) as (port, _):
        backend = client(port)
        told: list[None] = []
        with pytest.raises(NoAnswer):
            await follow(backend, told)
        await backend.close()
    assert len(told) == 3


async def test_a_stream_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SILENCE", 0.1)
    monkeypatch.setattr(http, "HELLO", 0.1)
    partly = Said(200, ": hello\n\n", ("x: y",))
    short = Said(partly.status, partly.body + " " * 50)

    class Longer(Said):
        def encode(self) -> bytes:
            return short.encode()[:-50]  # more is announced than comes

    async with scripted([Longer(), SILENCE]) as (port, _):
        backend = client(port)
        told: list[None] = []
        with pytest.raises(NoAnswer, match="does not answer"):
            await follow(backend, told)
        assert len(told) == 1
        assert backend.silent_for() >= 0.1
        with pytest.raises(NoAnswer, match="does not answer"):
            await backend.reach()
        await backend.close()


async def test_a_line_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LONGEST_LINE", 1000)
    async with scripted([Said(200, ": hello\n\n" + "a" * 1001)]) as (port, _):
        backend = client(port)
        told: list[None] = []
        with pytest.raises(NoAnswer, match="more than"):
            await follow(backend, told)
        await backend.close()
    assert len(told) == 1


async def test_an_ended_session_ends_the_stream_in_words() -> None:
    said = Said(401, json.dumps({"code": "not-signed-in", "detail": "Your session has ended."}))
    async with scripted([said]) as (port, _):
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


async def test_the_trust_of_this_machine_is_heeded_without_a_file(
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
        (("localhost",), (2, 9), False, True, "is not valid yet. Is this machine's clock right?"),
        (("other.example",), (-1, 9), False, True, "is for another name"),
        (("127.0.0.1",), (-1, 9), False, True, "is for another name"),
        (("localhost",), (-1, 9), False, False, "an authority that this machine does not know. If you have its file"),
        (("localhost",), (-1, 9), True, False, "is signed by itself and not known to this machine. If you have its"),
        (("localhost",), (-1, 9), True, True, "is signed by itself"),
    ],
)
async def test_a_certificate_that_is_not_right_is_explained_and_nothing_is_sent(
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
            assert time.monotonic() - began < 1  # it is no passing trouble
        with pytest.raises(NotTrusted):
            await follow(backend, [])
        await backend.close()
    assert asked.lines == []


async def test_a_given_authority_is_the_only_one(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", "Another authority")
    async with scripted([TENANTS], other.server()) as (port, asked):
        backend = client(port, ca_file=authority.file, scheme="https", host="localhost")
        with pytest.raises(NotTrusted, match="--ca-file"):
            await backend.perform(READS)
        await backend.close()
    assert asked.lines == []


async def test_plain_http_where_encryption_was_expected_is_told() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(Said(400, "What?").encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        backend = client(server.sockets[0].getsockname()[1], scheme="https", host="localhost")
        with pytest.raises(NotTrusted, match="no common way to encrypt"):
            await backend.perform(READS)
        await backend.close()


async def test_a_server_that_is_slow_to_encrypt_is_slow_and_not_distrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HELLO", 0.1)
    async with scripted([]) as (port, _):
        backend = client(port, scheme="https", host="localhost")
        with pytest.raises(NoAnswer, match="does not answer") as failed:
            await backend.reach()
        assert not isinstance(failed.value, NotTrusted)
        await backend.close()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_names_no_authority_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Unavailable, match=r"The CA file .*ca\.pem cannot be used"):
        HttpBackend("https://localhost:1", Nobody(), file)


async def test_a_token_that_could_not_stand_in_a_header_is_not_sent() -> None:
    backend = HttpBackend("http://127.0.0.1:1", Bearer(Secret("a\r\nx: y")))
    with pytest.raises(NotSignedIn):
        await backend.perform(WhoAmI())
    await backend.close()
