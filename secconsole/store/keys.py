"""The master key, kept outside the database, and the sealing of secrets with it.

Every sealed value is bound (as AES-GCM's associated data) to its purpose, tenant, user and row: moved elsewhere it does
not open. The file holds several keys by id, so that a key can be replaced while old values are still being resealed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secconsole.config.private import read_private, write_private
from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret

KEY_BYTES = 32
_NONCE = 12
_VERSION = b"\x01"


class KeyRing:
    """The keys of one store; seals with the current one, opens with whichever the value names."""

    def __init__(self, current: str, keys: dict[str, Secret[bytes]]) -> None:
        self.current = current
        self._keys = keys
        self._sealers = {name: AESGCM(_derive(key, b"seal")) for name, key in keys.items()}
        self._audit = self._lookup = b""

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current!r})"

    def seal(self, plain: Secret[bytes], *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> bytes:
        """Encrypt a value for one place in the store."""
        nonce = os.urandom(_NONCE)
        name = self.current.encode()
        body = self._sealers[self.current].encrypt(nonce, plain.reveal(), _bound_to(purpose, tenant, user, row))
        return _VERSION + bytes([len(name)]) + name + nonce + body

    def unseal(self, sealed: bytes, *, purpose: str, tenant: str = "", user: str = "", row: str = "") -> Secret[bytes]:
        """Decrypt a value; raise `Unavailable` if it was not sealed for this place by a key of this ring."""
        try:
            if sealed[:1] != _VERSION:
                raise ValueError(sealed[:1])
            end = 2 + sealed[1]
            sealer = self._sealers[sealed[2:end].decode()]
            nonce, body = sealed[end : end + _NONCE], sealed[end + _NONCE :]
            return Secret(sealer.decrypt(nonce, body, _bound_to(purpose, tenant, user, row)))
        except (InvalidTag, KeyError, IndexError, ValueError):
            raise Unavailable(
                "A secret in the store does not open with this key. Put back the master.key that belongs to the store."
            ) from None

    def make_inner(self) -> bytes:
        """A sealed key for the store itself to keep; it outlives the replacing of the master key."""
        return self.seal(Secret(secrets.token_bytes(KEY_BYTES)), purpose="inner-key")

    def open_inner(self, sealed: bytes) -> None:
        """Take the store's own key into use; raise `Unavailable` if this is not the ring it was made with."""
        try:
            inner = self.unseal(sealed, purpose="inner-key")
        except Unavailable:
            raise Unavailable(
                "The master.key here is not the one this store was made with. Nothing was changed; "
                "put the right key back from the backup."
            ) from None
        self._audit, self._lookup = _derive(inner, b"audit"), _derive(inner, b"lookup")

    def audit_mac(self, message: bytes) -> bytes:
        """What chains and signs audit entries."""
        return hmac.digest(self._audit, message, "sha256")

    def lookup(self, text: str) -> bytes:
        """A keyed digest for finding something by a value that is not stored."""
        return hmac.digest(self._lookup, text.encode("utf-8", "surrogatepass"), "sha256")


def token_hash(token: Secret[str]) -> bytes:
    """How tokens of 256 random bits are kept: a plain digest is enough for a value that cannot be guessed."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str = "") -> Secret[str]:
    """256 random bits; a prefix lets those who look for secrets left lying about find them."""
    return Secret(prefix + secrets.token_urlsafe(32))


def create_key_file(path: Path) -> KeyRing:
    """Make a new key, 0600, and never over a file that is there (raises `FileExistsError`)."""
    name = "k1"
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    write_private(path, json.dumps({"current": name, "keys": {name: key}}) + "\n", exclusive=True)
    return load_key_file(path)


def load_key_file(path: Path) -> KeyRing:
    """Read the key; raise `Unavailable` if it is missing, readable by others, or not a key file."""
    if not path.exists():
        raise Unavailable(
            f"The key file {path} is missing. Put it back from the backup: "
            "the secrets in the store do not open without it."
        )
    text = read_private(path)
    try:
        content = json.loads(text)
        keys = {str(name): Secret(base64.b64decode(key, validate=True)) for name, key in content["keys"].items()}
        current = content["current"]
        if current not in keys or any(len(key.reveal()) != KEY_BYTES for key in keys.values()):
            raise ValueError("wrong length or no current key")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise Unavailable(f"The key file {path} is damaged. Put it back from the backup.") from None
    return KeyRing(current, keys)


def _derive(key: Secret[bytes], purpose: bytes) -> bytes:
    return hmac.digest(key.reveal(), b"secconsole " + purpose, "sha256")


def _bound_to(*parts: str) -> bytes:
    return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
