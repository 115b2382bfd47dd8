"""The certificate: loaded strictly, and loaded anew when its files are renewed, without a restart."""

from __future__ import annotations

import logging
import os
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from secconsole.domain.errors import Unavailable

log = logging.getLogger(__name__)

_WORDS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "EE_KEY_TOO_SMALL": "its key is too short to be safe",
    "CA_MD_TOO_WEAK": "its signature is too weak to be safe",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM form: the certificate followed by what leads to its root, and its key."""

    chain: Path
    key: Path


class LiveCertificate:
    """What handshakes use; every handshake looks whether the files are others by now.

    A look costs two stats. Files that cannot be used are told of once, in words, and what was loaded before stays.
    """

    def __init__(self, files: Certificate) -> None:
        """Raise `Unavailable` if the files cannot be used."""
        self._files = files
        self._seen = _signature(files)
        self.context, self.expires = _load(files)
        self._current = self.context
        self.context.sni_callback = self._choose  # called in every handshake, with a name or without

    def warning(self) -> str:
        """What is wrong with the certificate although it can be used; empty if nothing is."""
        if self.expires > datetime.now(UTC):
            return ""
        return f"The certificate ran out on {_day(self.expires)}: clients will refuse it."

    def look(self, *, always: bool = False) -> None:
        """Load the files anew if they changed since the last look, or `always`."""
        seen = _signature(self._files)
        if seen == self._seen and not always:
            return
        self._seen = seen
        try:
            self._current, self.expires = _load(self._files)
        except Unavailable as error:
            log.error("%s The one loaded before stays in use; it is valid until %s.", error.message, _day(self.expires))
            return
        log.info("The certificate was loaded anew; it is valid until %s.", _day(self.expires))
        if warning := self.warning():
            log.error("%s", warning)

    def _choose(self, handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        self.look()
        handshake.context = self._current


def _load(files: Certificate) -> tuple[ssl.SSLContext, datetime]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        _refuse_public_key(files.key, os.stat(files.key))
        context.load_cert_chain(files.chain, files.key, _no_passphrase)
        leaf = x509.load_pem_x509_certificates(files.chain.read_bytes())[0]
    except ssl.SSLError as error:
        reason = _WORDS.get(error.reason or "", "it or its key is not in PEM form, or is cut short")
        raise Unavailable(f"The certificate {files.chain} cannot be used: {reason}.") from None
    except OSError as error:
        raise Unavailable(f"{error.filename or files.chain} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Unavailable(f"The certificate {files.chain} cannot be used: it is damaged.") from None
    return context, leaf.not_valid_after_utc


def _refuse_public_key(path: Path, info: os.stat_result) -> None:
    """As PostgreSQL does (be-secure-common.c): nobody else may read it, but a group may read what root owns."""
    allowed = 0o740 if info.st_uid == 0 else 0o700
    if stat.S_IMODE(info.st_mode) & ~allowed & 0o777:
        raise Unavailable(f"Others may read the key {path}. Make it private first: chmod 600 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(
            f"The key {path} belongs to another user. It must belong to whoever runs secconsole, or root."
        )


def _no_passphrase() -> str:
    raise Unavailable("The certificate's key asks for a passphrase, and nobody is there to give it. Decrypt it first.")


def _signature(files: Certificate) -> tuple[tuple[int, ...], ...]:
    """What tells a renewed file from the old one, behind symbolic links too; empty for one that cannot be looked at."""
    found: list[tuple[int, ...]] = []
    for path in (files.chain, files.key):
        try:
            info = os.stat(path)
        except OSError:
            found.append(())
        else:
            found.append((info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns))
    return tuple(found)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
