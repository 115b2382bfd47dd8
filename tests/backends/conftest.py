"""Scripted servers on a socket, and certificates of every kind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DROP, SILENCE = "drop", "silence"  # close without an answer; never answer


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int = 200
    body: str = ""
    headers: tuple[str, ...] = ()

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"content-length: {len(self.body.encode())}", *self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


Line = Said | str


@dataclass
class Asked:
    """What a server received: first lines, and the keys of requests that change something."""

    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


@asynccontextmanager
async def scripted(script: Sequence[Line], tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Asked]]:
    """Run a server on a local port that answers one request after the other by the script, then drops connections."""
    asked = Asked()
    left = list(script)
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                await reader.readexactly(int(fields.get("content-length", 0)))
                asked.lines.append(lines[0])
                asked.keys.append(fields.get("idempotency-key", ""))
                asked.tokens.append(fields.get("authorization", ""))
                answer = left.pop(0) if left else DROP
                if answer == DROP:
                    break
                if isinstance(answer, Said):
                    writer.write(answer.encode())
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()
        await server.wait_closed()


@dataclass
class Authority:
    """Issuer of certificates, whose own is in `file` for those who trust it."""

    folder: Path
    name: str = "Test authority"

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._make(self.name, self._key, self.name, self._key, authority=True)
        self.file = self.folder / f"{self.name.replace(' ', '-')}.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server(
        self,
        names: Sequence[str] = ("localhost", "127.0.0.1"),
        *,
        days: tuple[int, int] = (-1, 30),
        self_signed: bool = False,
    ) -> ssl.SSLContext:
        """Return the files of a server's certificate for these names, valid between so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, signer = (names[0], key) if self_signed else (self.name, self._key)
        made = self._make(names[0], key, issuer, signer, names=names, days=days)
        chain = self.folder / f"{id(key)}.pem"
        chain.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain)
        return context

    @staticmethod
    def _make(
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        signer: ec.EllipticCurvePrivateKey,
        *,
        names: Sequence[str] = (),
        days: tuple[int, int] = (-1, 30),
        authority: bool = False,
    ) -> x509.Certificate:
        def called(name: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(called(subject))
            .issuer_name(called(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(_usage(authority), critical=True)
        )
        if names:
            of: Callable[[str], x509.GeneralName] = lambda name: (  # noqa: E731
                x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
            )
            builder = builder.add_extension(x509.SubjectAlternativeName([of(name) for name in names]), critical=False)
        return builder.sign(signer, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
