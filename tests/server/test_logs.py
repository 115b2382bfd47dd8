"""The server's log: enough to find a fault, and never a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import pty
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.domain.model import PolicyMode
from secconsole.operations.policy import SetPolicy
from secconsole.server.logs import Json, Lines, TogetherHandler, log_request, report_loop_errors, words_of
from tests.organisation import PASSWORD, TENANT, organisation_in
from tests.server.serving import Line, line_to, serving

CANARY = "the-canary-sings"


async def fill(home: Path) -> str:
    """Fill an organisation that requires codes, and return the present code of ana's phone."""
    async with organisation_in(home) as organisation:
        organisation.clock.now = time.time() - 60
        await organisation.add("ana")
        await organisation.bind("ana")
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
        organisation.clock.now = time.time()
        return organisation.code("ana").reveal()


def post(line: Line, path: str, body: dict[str, str], *headers: str) -> dict[str, object]:
    content = json.dumps(body).encode()
    line.send(
        f"POST {path} HTTP/1.1",
        "host: x",
        "content-type: application/json",
        f"content-length: {len(content)}",
        *headers,
        body=content,
    )
    head = line.until(b"\r\n\r\n").decode()
    length = int(re.search(r"content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(line.seen) < length:
        line.seen += line.socket.recv(65536)
    answer, line.seen = line.seen[:length], line.seen[length:]
    return dict(json.loads(answer))


def test_a_whole_sign_in_leaves_no_secret_anywhere(home: Path, tmp_path: Path) -> None:
    code = asyncio.run(fill(home))
    path = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{path}", "--log-level", "debug") as server:
        with line_to(path) as line:
            first = post(line, f"/v1/tenants/{TENANT}/sign-in", {"login": "ana", "password": PASSWORD.reveal()})
            challenge = str(first["challenge"])
            factor = first["factors"][0]["id"]  # type: ignore[index]
            wrong = f"{(int(code) + 1) % 10**6:06}"
            post(line, f"/v1/sign-in/{challenge}/verify", {"factor": factor, "code": wrong})
            second = post(line, f"/v1/sign-in/{challenge}/verify", {"factor": factor, "code": code})
            assert second["status"] == "complete"
            token = str(second["token"])
            bearer = f"authorization: Bearer {token}"
            post(line, f"/v1/sign-in/{CANARY}/verify", {"factor": "x", "code": CANARY}, bearer)
            post(line, f"/v1/{CANARY}?{CANARY}={CANARY}", {CANARY: CANARY}, bearer, f"x-request-id: {CANARY} {CANARY}")
            post(line, f"/v1/tenants/{TENANT}/sign-in?token={CANARY}", {"login": CANARY, "password": CANARY})
            line.send("GET /\xff HTTP/1.1", CANARY)
            line.rest()
        server.signal()
        assert server.exit_code() == 0
        log = server.log()
    for secret in (PASSWORD.reveal(), code, wrong, token, challenge, CANARY):
        assert secret not in log
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    assert [(line["operation"], line["status"]) for line in requests[:3]] == [
        ("sign-in", 200),
        ("sign-in.verify", 200),
        ("sign-in.verify", 200),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert {"level", "ms", "peer", "request_id"} < requests[0].keys()


def test_at_a_terminal_log_lines_are_short(home: Path, tmp_path: Path) -> None:
    asyncio.run(fill(home))
    path = tmp_path / "run" / "api.sock"
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0) as terminal:
        with serving(tmp_path, "--listen", f"unix:{path}", stderr=slave) as server:
            os.close(slave)
            with line_to(path) as line:
                line.send("GET /v1/me HTTP/1.1", "host: x", "connection: close", "x-request-id: abc-1")
                line.rest()
            server.signal()
            assert server.exit_code() == 0
        shown = b"".join(pieces(terminal)).decode()
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d who-am-i \d{3} \d+\.\d ms .+ abc-1\r$", shown, re.M)
    assert "{" not in shown


def pieces(terminal: io.FileIO) -> Iterator[bytes]:
    """Yield what a terminal received, until all writers have closed it."""
    try:
        while piece := terminal.read(4096):
            yield piece
    except OSError:
        return


def record(name: str, message: object, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    caught = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, caught)


def failure() -> RuntimeError:
    try:
        raise RuntimeError(CANARY)
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("formatter", [Json(), Lines()])
def test_library_arguments_and_error_texts_are_left_out(formatter: logging.Formatter) -> None:
    for shown in (
        record("uvicorn.error", "Cancel %s running task(s)", CANARY),
        record("asyncio", f"Task exception was never retrieved\nfuture: <Task {CANARY}>"),
        record("uvicorn.error", "Exception in ASGI application\n", error=failure()),
        record("secconsole.server", "it failed", error=failure()),
    ):
        line = formatter.format(shown)
        assert CANARY not in line
        assert "\n" not in line
    assert "test_logs.py" in formatter.format(record("secconsole.server", "it failed", error=failure()))


def test_messages_are_escaped_on_one_line() -> None:
    shown = words_of(record("secconsole.server", "the user %s\nis here", "eve\x1b[2J\u202e"))
    assert shown == "the user eve\\x1b[2J\\u202e | is here"


def test_errors_of_the_event_loop_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    try:
        for message in ("Task exception was never retrieved", f"Exception in callback done(b'{CANARY}')"):
            report_loop_errors(loop, {"message": message, "exception": failure(), "future": CANARY})
    finally:
        loop.close()
    for found in caplog.records:
        assert CANARY not in Json().format(found)
    assert [found.getMessage() for found in caplog.records] == [
        "Task exception was never retrieved",
        "Exception in callback done",
    ]


async def test_requests_of_one_turn_are_written_together_and_other_lines_at_once() -> None:
    stream = io.StringIO()
    handler = TogetherHandler(stream)
    log = logging.Logger("secconsole.together")
    log.addHandler(handler)
    for number in range(3):
        log_request(log, logging.INFO, {"number": number})
    assert stream.getvalue() == ""
    log.info("Stopped.")
    assert stream.getvalue() == "request\n" * 3 + "Stopped.\n"
    log_request(log, logging.INFO, {"number": 3})
    await asyncio.sleep(0)
    assert stream.getvalue().endswith("Stopped.\nrequest\n")


def test_a_request_outside_of_the_loop_is_written_at_once() -> None:
    stream = io.StringIO()
    log = logging.Logger("secconsole.alone")
    log.addHandler(TogetherHandler(stream))
    log_request(log, logging.INFO, {})
    assert stream.getvalue() == "request\n"
