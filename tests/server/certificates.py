"""Certificates created for tests."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from secconsole.server.transport.tls import Certificate


def make_certificate(folder: Path, serial: int, *, days: int = 30, passphrase: bytes = b"") -> Certificate:
    """A self-signed certificate for localhost, in files of a folder that is made for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ends = datetime.now(UTC) + timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(ends - timedelta(days=60))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    sealed = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    folder.mkdir()
    files = Certificate(folder / "fullchain.pem", folder / "privkey.pem")
    files.chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(private)
    return files


def link_to(live: Path, files: Certificate) -> Certificate:
    """Point links at files, each in one step, as a certificate's renewal does."""
    live.mkdir(exist_ok=True)
    for target in (files.chain, files.key):
        fresh = live / f"{target.name}.new"
        fresh.symlink_to(target)
        os.replace(fresh, live / target.name)
    return Certificate(live / files.chain.name, live / files.key.name)
