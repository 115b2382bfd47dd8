"""Certificates: checked before use, and renewed without a restart."""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from secconsole.domain.errors import Unavailable
from secconsole.server.transport.tls import Certificate, LiveCertificate
from tests.server.certificates import link_to, make_certificate
from tests.server.serving import LONGEST, serving
from tests.server.test_serve import store  # noqa: F401 - a fixture


def shown(live: LiveCertificate) -> int:
    """The serial number that a handshake is shown now."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = context.wrap_bio(to_client, to_server)
    server = live.context.wrap_bio(to_server, to_client, server_side=True)
    done = False
    while not done:
        done = True
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                done = False
    certificate = client.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).serial_number


def test_a_renewed_certificate_is_used_from_the_next_handshake(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = link_to(tmp_path / "live", make_certificate(tmp_path / "1", 1, days=10))
    live = LiveCertificate(files)
    first = live.expires
    assert shown(live) == 1
    with caplog.at_level(logging.INFO):
        link_to(tmp_path / "live", make_certificate(tmp_path / "2", 2, days=20))
        assert [shown(live), shown(live)] == [2, 2]
    assert live.expires > first
    assert len(caplog.messages) == 1


def test_a_file_rewritten_in_place_is_noticed_too(tmp_path: Path) -> None:
    files, fresh = make_certificate(tmp_path / "1", 1), make_certificate(tmp_path / "2", 2)
    live = LiveCertificate(files)
    files.chain.write_bytes(fresh.chain.read_bytes())
    files.key.write_bytes(fresh.key.read_bytes())
    assert shown(live) == 2


def test_unusable_files_keep_the_old_certificate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = make_certificate(tmp_path / "1", 1)
    live = LiveCertificate(files)
    good, key = files.chain.read_bytes(), files.key.read_bytes()
    for broken in (b"", b"no certificate", good[:200], make_certificate(tmp_path / "2", 2).chain.read_bytes()):
        caplog.clear()
        files.chain.write_bytes(broken)
        assert [shown(live), shown(live)] == [1, 1]
        assert len(caplog.messages) == 1, "logged once, not with every handshake"
        assert "stays in use" in caplog.text
    files.chain.unlink()
    assert shown(live) == 1
    files.chain.write_bytes(good)
    files.key.chmod(0o644)
    assert shown(live) == 1
    assert "Other users can read the key" in caplog.text
    files.key.chmod(0o600)
    caplog.clear()
    assert shown(live) == 1
    assert caplog.messages == [] or "was reloaded" in caplog.text
    assert key.decode() not in caplog.text


def test_a_partial_renewal_is_used_once_complete(tmp_path: Path) -> None:
    files = link_to(tmp_path / "live", make_certificate(tmp_path / "1", 1))
    live = LiveCertificate(files)
    fresh = make_certificate(tmp_path / "2", 2)
    files.chain.unlink()
    files.chain.symlink_to(fresh.chain)
    assert shown(live) == 1
    files.key.unlink()
    files.key.symlink_to(fresh.key)
    assert shown(live) == 2


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o640, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    files = make_certificate(tmp_path / "1", 1)
    files.key.chmod(mode)
    if mode == 0o640 and os.geteuid() == 0:
        LiveCertificate(files)  # root's own, shown to a group: as ssl-cert's keys are
        return
    with pytest.raises(Unavailable, match="chmod 600"):
        LiveCertificate(files)


def test_an_invalid_certificate_is_refused_with_a_message(tmp_path: Path) -> None:
    one, two = make_certificate(tmp_path / "1", 1), make_certificate(tmp_path / "2", 2)
    with pytest.raises(Unavailable, match="the key belongs to another certificate"):
        LiveCertificate(Certificate(one.chain, two.key))
    with pytest.raises(Unavailable, match="cannot be read: No such file"):
        LiveCertificate(Certificate(tmp_path / "none.pem", one.key))
    two.chain.write_text("hello")
    with pytest.raises(Unavailable, match="not in PEM format"):
        LiveCertificate(two)
    sealed = make_certificate(tmp_path / "3", 3, passphrase=b"open sesame")
    with pytest.raises(Unavailable, match="has a passphrase"):
        LiveCertificate(sealed)


def test_an_expired_certificate_is_warned_about(tmp_path: Path) -> None:
    assert "expired on" in LiveCertificate(make_certificate(tmp_path / "1", 1, days=-1)).warning()
    assert not LiveCertificate(make_certificate(tmp_path / "2", 2)).warning()


def test_a_server_renews_its_certificate_while_it_runs(store: Path, tmp_path: Path) -> None:  # noqa: F811
    files = link_to(tmp_path / "live", make_certificate(tmp_path / "1", 1))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def connect(context: ssl.SSLContext = context) -> ssl.SSLSocket:
        opened = socket.create_connection(("127.0.0.1", server.port), LONGEST)
        return context.wrap_socket(opened, server_hostname="localhost")

    def serial(opened: ssl.SSLSocket) -> int:
        return x509.load_der_x509_certificate(opened.getpeercert(binary_form=True) or b"").serial_number

    arguments = ("--listen", "127.0.0.1:0", "--tls-cert", str(files.chain), "--tls-key", str(files.key))
    with serving(tmp_path, *arguments) as server:
        with connect() as before:
            assert (serial(before), before.version()) == (1, "TLSv1.3")
            link_to(tmp_path / "live", make_certificate(tmp_path / "2", 2))
            with connect() as after:
                assert serial(after) == 2
            before.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert before.recv(100).startswith(b"HTTP/1.1 200 ")  # who was connected stays so
        server.signal(signal.SIGHUP)
        server.wait_for_log("was reloaded")
        files.chain.unlink()
        server.signal(signal.SIGHUP)
        server.wait_for_log("stays in use")
        with connect() as after:
            assert serial(after) == 2
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.deprecated_call():
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            connect(old)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with connect(old) as enough:
            assert enough.version() == "TLSv1.2"
        with socket.create_connection(("127.0.0.1", server.port), LONGEST) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/")
        server.signal()
        assert server.exit_code() == 0
        assert "PRIVATE KEY" not in server.log()
