"""Master key, kept outside the database, and sealing of secrets with it.

Every sealed value is bound (as AES-GCM's associated data) to its purpose, tenant, user and row, so it cannot be opened
in another place. The file holds several keys by id, so that a key can be replaced while old values are still being
resealed. The key of a store is the one that its inner key is sealed with, whichever the file says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secconsole.config.private import read_private, write_private
from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

KEY_BYTES = 32
INNER = "inner-key"  # the purpose of the store's own key
_NONCE = 12
_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """Place in the store that a sealed value is bound to.

    `tenant` is its `pk`, `user` an id or empty.
    """

    purpose: str
    tenant: str = ""
    user: str = ""
    row: str = ""


class DamagedSecret(Unavailable):
    """Sealed value that was not sealed for its place by a key of this ring."""

    def __init__(self, place: SealedPlace) -> None:
        super().__init__(
            "A secret in the store cannot be opened with this key: it was damaged or replaced. "
            "For details run: secconsole doctor"
        )
        self.place = place


class KeyRing:
    """Keys of one store, which seal with the current key and open with the one that a value names.

    A ring that was read from a file reads it again when a key is missing, so that a running process takes up a new one.
    """

    def __init__(self, current: str, keys: dict[str, Secret[bytes]], path: Path | None = None) -> None:
        self.current = current
        self.path, self._stamp = path, _stamp(path)
        self._sealers = _sealers(keys)
        self._audit = self._lookup = b""

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current!r})"

    def knows(self, name: str) -> bool:
        """Return True if a key is in this ring, or in its file by now."""
        if name not in self._sealers:
            self.refresh()
        return name in self._sealers

    def use(self, name: str) -> None:
        """Seal with another key from now on, or raise `Unavailable` if this ring does not have it."""
        if not self.knows(name):
            raise Unavailable(
                f"The store is sealed with the key {visible(name)}, which is not in {self.path or 'the key file'}. "
                "If the key was rotated, copy master.key from where that was done."
            )
        self.current = name

    def add(self, path: Path) -> None:
        """Open with the keys of another file too, or raise `Unavailable` if it cannot be used."""
        self._sealers = _sealers(_read(path)[1]) | self._sealers

    def inner_of(self, sealed: bytes) -> bytes:
        """Return a store's own key, which identifies the store, or raise `DamagedSecret`."""
        return self.unseal(sealed, purpose=INNER).reveal()

    def refresh(self) -> None:
        """Read the file again if it has changed, and keep the keys that it no longer has."""
        if self.path is None or (stamp := _stamp(self.path)) == self._stamp:
            return
        try:
            current, keys = _read(self.path)
        except Unavailable:  # it may be complete at the next call
            return
        self._sealers = self._sealers | _sealers(keys)  # replaced as a whole, because other threads read it
        self._stamp, self.current = stamp, current

    def seal(self, plain: Secret[bytes], *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> bytes:
        """Encrypt a value for one place in the store."""
        # Random nonces of 96 bits suffice for 2^32 values of one key (NIST SP 800-38D section 8.3).
        nonce = os.urandom(_NONCE)
        current = self.current
        body = self._sealers[current].encrypt(nonce, plain.reveal(), _bound_to(purpose, tenant, user, row))
        return header_of(current) + nonce + body

    def unseal(self, sealed: bytes, *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> Secret[bytes]:
        """Decrypt a value, or raise `DamagedSecret` if it was not sealed for this place by a key of this ring."""
        try:
            if sealed[:1] != _VERSION:
                raise ValueError(sealed[:1])
            end = 2 + sealed[1]
            name = sealed[2:end].decode()
            if name not in self._sealers:
                self.refresh()
            sealer = self._sealers[name]
            nonce, body = sealed[end : end + _NONCE], sealed[end + _NONCE :]
            return Secret(sealer.decrypt(nonce, body, _bound_to(purpose, tenant, user, row)))
        # One error for all causes, which does not reveal how close a forged value came.
        except (InvalidTag, KeyError, IndexError, ValueError):
            raise DamagedSecret(SealedPlace(purpose, tenant, user, row)) from None

    def make_inner(self) -> bytes:
        """Return a new sealed key for the store to keep, which outlives rotations of the master key."""
        return self.seal(Secret(secrets.token_bytes(KEY_BYTES)), purpose=INNER)

    def reseal_inner(self, sealed: bytes) -> bytes:
        """Return the store's own key sealed with the current key."""
        return self.seal(self.unseal(sealed, purpose=INNER), purpose=INNER)

    def open_inner(self, sealed: bytes) -> None:
        """Open and use the store's own key, or raise `Unavailable` if this ring did not seal it."""
        if name := key_of(sealed):
            self.use(name)
        try:
            inner = self.unseal(sealed, purpose=INNER)
        except Unavailable:
            raise Unavailable(
                "The master.key here does not belong to this store. Nothing was changed. "
                "Restore the right key from the backup."
            ) from None
        self._audit, self._lookup = _derive(inner, b"audit"), _derive(inner, b"lookup")

    def audit_mac(self, message: bytes) -> bytes:
        """Return the MAC that chains and signs audit entries."""
        return hmac.digest(self._audit, message, "sha256")

    def lookup(self, text: str) -> bytes:
        """Return a keyed digest for finding something by a value that is not stored."""
        # Any text may arrive here, half of a surrogate pair included, and is looked up without an error.
        return hmac.digest(self._lookup, text.encode("utf-8", "surrogatepass"), "sha256")


def header_of(name: str) -> bytes:
    """Return the beginning of every value that is sealed with a key."""
    return _VERSION + bytes([len(name.encode())]) + name.encode()


def key_of(sealed: bytes) -> str:
    """Return the id of the key that a value is sealed with, or an empty text if it has no such form."""
    if sealed[:1] != _VERSION or len(sealed) < 2 or len(sealed) < 2 + sealed[1]:
        return ""
    return sealed[2 : 2 + sealed[1]].decode("utf-8", "replace")


def token_hash(token: Secret[str]) -> bytes:
    """Return the digest that is stored of a token: a plain one is enough for 256 random bits."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str = "") -> Secret[str]:
    """Return a token of 256 random bits, with a prefix that secret scanners can find."""
    return Secret(prefix + secrets.token_urlsafe(32))


def create_key_file(path: Path) -> KeyRing:
    """Create a key file with mode 0600, or raise `FileExistsError` if it exists."""
    name = "k1"
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    write_private(path, json.dumps({"current": name, "keys": {name: key}}) + "\n", exclusive=True)
    return load_key_file(path)


def load_key_file(path: Path) -> KeyRing:
    """Read the key file, or raise `Unavailable` if it is missing, readable by others, or malformed."""
    if not path.exists():
        raise Unavailable(
            f"The key file {path} is missing. Restore it from the backup: "
            "the secrets in the store cannot be opened without it."
        )
    return KeyRing(*_read(path), path)


def _read(path: Path) -> tuple[str, dict[str, Secret[bytes]]]:
    text = read_private(path)
    try:
        content = json.loads(text)
        keys = {str(name): Secret(base64.b64decode(key, validate=True)) for name, key in content["keys"].items()}
        current = content["current"]
        if current not in keys or any(len(key.reveal()) != KEY_BYTES for key in keys.values()):
            raise ValueError("wrong length or no current key")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise Unavailable(f"The key file {path} is damaged. Restore it from the backup.") from None
    return str(current), keys


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return values that differ once a file was replaced."""
    try:
        found = os.stat(path) if path is not None else None
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None


def _sealers(keys: dict[str, Secret[bytes]]) -> dict[str, AESGCM]:
    return {name: AESGCM(_derive(key, b"seal")) for name, key in keys.items()}


def _derive(key: Secret[bytes], purpose: bytes) -> bytes:
    # A key for each purpose, so that a MAC never serves as anything else.
    return hmac.digest(key.reveal(), b"secconsole " + purpose, "sha256")


def _bound_to(*parts: str) -> bytes:
    # With lengths, because otherwise "ab" and "c" would be bound like "a" and "bc".
    return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
