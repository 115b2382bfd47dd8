"""Streams of the audit to rsyslog, as distributions ship it, which parses RFC 5424 itself."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.operations.audit_streams import StreamState
from secconsole.server.transport.tls import Certificate
from tests.delivery.stream_receivers import params_of
from tests.delivery.test_audit_streams import add, macs, newest, send, streams
from tests.organisation import TENANT, Organisation, organisation_in
from tests.server.certificates import make_certificate

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin:/bin")
HAS_TLS = any(list(Path("/usr").glob(f"{lib}/lmnsd_gtls.so")) for lib in ("lib*/rsyslog", "lib/*/rsyslog"))
pytestmark = pytest.mark.skipif(RSYSLOGD is None, reason="rsyslog is not here: apt-get install rsyslog rsyslog-gnutls")
needs_tls = pytest.mark.skipif(not HAS_TLS, reason="rsyslog is here without TLS: apt-get install rsyslog-gnutls")

# What rsyslog has parsed out of each message, and the message as it came.
_TEMPLATE = """
template(name="parsed" type="list" option.jsonf="on") {
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="protocol" name="protocol-version" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
  property(outname="raw" name="rawmsg" format="jsonf")
}
"""
_OUTPUT = 'ruleset(name="kept") { action(type="omfile" file="%s" template="parsed") }\n'
_TLS = """
global(DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{chain}"
  DefaultNetstreamDriverCertFile="{chain}" DefaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="kept")
"""
_DATAGRAMS = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{path}" CreatePath="off" UseSpecialParser="off" ParseHostname="on"
  RateLimit.Interval="0" ruleset="kept")
"""
_STREAM = 'module(load="imptcp")\ninput(type="imptcp" path="{path}" ruleset="kept")\n'


@dataclass(frozen=True)
class Rsyslog:
    """A running rsyslog, and the file that it writes."""

    written: Path

    async def received(self, count: int) -> list[dict[str, str]]:
        """Return what it has parsed, once it has written so many messages."""
        async with asyncio.timeout(20):
            while not self.written.exists() or len(self.written.read_bytes().splitlines()) < count:
                await asyncio.sleep(0.05)
        return [json.loads(line) for line in self.written.read_text().splitlines()]


@pytest_asyncio.fixture
async def organisation(home: Path) -> AsyncIterator[Organisation]:
    async with organisation_in(home) as made:
        yield made


@contextmanager
def rsyslog(folder: Path, inputs: str, *, ready: Path | int) -> Iterator[Rsyslog]:
    """Run rsyslog with some inputs until it listens on a port or path."""
    folder.mkdir()
    settings, written = folder / "rsyslog.conf", folder / "written"
    head = f'global(workDirectory="{folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")\n'
    settings.write_text(head + _TEMPLATE + _OUTPUT % written + inputs)
    assert RSYSLOGD is not None
    command = [RSYSLOGD, "-n", "-f", str(settings), "-i", str(folder / "pid")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_until_ready(process, ready, folder / "log")
            yield Rsyslog(written)
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Path | int, log: Path) -> None:
    for _ in range(400):
        assert process.poll() is None, log.read_text()
        if isinstance(ready, Path):
            if ready.exists():
                return
        else:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", ready)) == 0:
                    return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"rsyslog does not listen\n{log.read_text()}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def check_that_all_arrived(organisation: Organisation, peer: Rsyslog) -> None:
    await organisation.add("ana", name='Ana "]\\ Králová')
    await send(organisation)
    count = await newest(organisation)
    (one,) = (await streams(organisation)).values()
    assert (one.state, one.behind, one.problem) == (StreamState.CURRENT, 0, "")
    received = await peer.received(count)
    assert {(m["protocol"], m["facility"], m["severity"], m["app"]) for m in received} == {
        ("1", "audit", "info", "secconsole")
    }
    params = [params_of(message["raw"].encode()) for message in received]
    assert {int(p["seq"]): p["mac"] for p in params} == await macs(organisation)
    assert len(received) == count
    assert received[-1]["id"] == "user.created"
    assert f'tenant="{TENANT}"' in received[-1]["data"]
    assert received[-1]["data"].endswith("]")
    assert "user.created ana (done)" in received[-1]["text"]


@needs_tls
async def test_rsyslog_reads_a_stream_over_tls(organisation: Organisation, tmp_path: Path) -> None:
    certificate: Certificate = make_certificate(tmp_path / "tls", 1)
    port = free_port()
    inputs = _TLS.format(chain=certificate.chain, key=certificate.key, port=port)
    with rsyslog(tmp_path / "peer", inputs, ready=port) as peer:
        ca = certificate.chain.read_text()
        await add(organisation, StreamKind.SYSLOG_TLS, f"localhost:{port}", ca=ca, from_start=True)
        await check_that_all_arrived(organisation, peer)


@pytest.mark.parametrize("inputs", [_DATAGRAMS, _STREAM], ids=["datagrams", "stream"])
async def test_rsyslog_reads_a_stream_on_a_unix_socket(organisation: Organisation, tmp_path: Path, inputs: str) -> None:
    path = tmp_path / "log"
    with rsyslog(tmp_path / "peer", inputs.format(path=path), ready=path) as peer:
        await add(organisation, StreamKind.SYSLOG_UNIX, str(path), from_start=True)
        await check_that_all_arrived(organisation, peer)
