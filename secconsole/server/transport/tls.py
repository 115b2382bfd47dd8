"""The certificate: loaded strictly, and reloaded without a restart when its files are renewed."""

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
    "EE_KEY_TOO_SMALL": "its key is too short to be secure",
    "CA_MD_TOO_WEAK": "its signature is too weak to be secure",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM format: the certificate followed by its chain, and its key."""

    chain: Path
    key: Path


class LiveCertificate:
    """The certificate of handshakes, each of which checks whether the files have changed.

    A check costs two stats. Files that cannot be used are logged once, and the loaded certificate stays in use.
    """

    def __init__(self, files: Certificate) -> None:
        """Raise `Unavailable` if the files cannot be used."""
        self._files = files
        self._seen = _signature(files)
        self.context, self.expires = _load(files)
        self._current = self.context
        self.context.sni_callback = self._choose  # called in every handshake, with or without a name

    def warning(self) -> str:
        """Return the problem with a certificate that can be used, or an empty string."""
        if self.expires > datetime.now(UTC):
            return ""
        return f"The certificate expired on {_day(self.expires)}: clients will refuse it."

    def look(self, *, always: bool = False) -> None:
        """Reload the files if they changed since the last check, or `always`."""
        seen = _signature(self._files)
        if seen == self._seen and not always:
            return
        self._seen = seen
        try:
            self._current, self.expires = _load(self._files)
        except Unavailable as error:
            log.error("%s The previous one stays in use. It is valid until %s.", error.message, _day(self.expires))
            return
        log.info("The certificate was reloaded. It is valid until %s.", _day(self.expires))
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
        reason = _WORDS.get(error.reason or "", "it or its key is not in PEM format, or is truncated")
        raise Unavailable(f"The certificate {files.chain} cannot be used: {reason}.") from None
    except OSError as error:
        raise Unavailable(f"{error.filename or files.chain} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Unavailable(f"The certificate {files.chain} cannot be used: it is damaged.") from None
    return context, leaf.not_valid_after_utc


def _refuse_public_key(path: Path, info: os.stat_result) -> None:
    """Raise `Unavailable` if others may read the key, but allow a group if root owns it, as PostgreSQL does."""
    allowed = 0o740 if info.st_uid == 0 else 0o700
    if stat.S_IMODE(info.st_mode) & ~allowed & 0o777:
        raise Unavailable(f"Other users can read the key {path}. Make it private first: chmod 600 {path}")
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(
            f"The key {path} belongs to another user. It must belong to the user who runs secconsole, or to root."
        )


def _no_passphrase() -> str:
    raise Unavailable("The certificate's key has a passphrase, which a server cannot enter. Decrypt the key first.")


def _signature(files: Certificate) -> tuple[tuple[int, ...], ...]:
    """Return a value that changes when a file is renewed, also behind symbolic links."""
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
