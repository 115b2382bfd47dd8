"""PSKC files (RFC 6030) of hardware tokens, plain or encrypted with a key or a password, with their MACs checked.

Reading them needs python-pskc, which the extra `seeds` installs. Before it sees a file, one pass with expat refuses
documents that define entities, nest deeply or have too many elements. An encrypted key is refused without a MAC where
its cipher needs one, because anyone could have changed it.
"""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from xml.parsers import expat

from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.seed import MOST_SEEDS, BadSeed, Entry, Seed, SeedKind, check_number, entry_of, make_seed

if TYPE_CHECKING:
    from pskc import PSKC
    from pskc.key import Key

NEEDS_PASSWORD = "This PSKC file is encrypted. Enter its password, or its key in hexadecimal."  # noqa: S105 - words
NOT_INSTALLED = "PSKC files need python-pskc. Install it: pip install 'secconsole[seeds]'"
_DAMAGED = "The PSKC file cannot be read."
_WRONG_PASSWORD = "The password or key does not open this PSKC file, or the file was changed."  # noqa: S105 - words
_DEEPEST, _MOST_ELEMENTS = 40, MOST_SEEDS * 50
_MOST_ROUNDS, _LONGEST_KEY = 2_000_000, 64  # of PBKDF2, as the file asks for them
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_KINDS = {"hotp": SeedKind.HOTP, "totp": SeedKind.TOTP}
_HEX_KEY = re.compile(r"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{48}|[0-9A-Fa-f]{64})\Z")


def read_pskc(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of a file."""
    document = _checked(_DECLARATION.sub("", text, count=1))
    file = _parsed(document)
    keys = file.keys
    check_number(keys)
    if _is_encrypted(keys):
        if password is None:
            raise Invalid(NEEDS_PASSWORD, "password")
        _unlock(file, password)
    return [entry_of(number, _name(key), partial(_seed, number, key)) for number, key in enumerate(keys, start=1)]


def _checked(document: str) -> str:
    """Return a document, or raise `Invalid` if it would take too much time or memory to read."""
    parser = expat.ParserCreate()
    depth = elements = 0

    def refuse(*_: object) -> None:
        raise Invalid("The PSKC file has a DOCTYPE, which none needs.", "file")

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _DEEPEST or elements > _MOST_ELEMENTS:
            raise Invalid("The PSKC file is nested too deeply, or has too many elements.", "file")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        parser.Parse(document, True)  # of text, so that a declared encoding counts for nothing
    except (expat.ExpatError, UnicodeError):
        raise Invalid(_DAMAGED, "file") from None
    return document


def _parsed(document: str) -> PSKC:
    try:
        from pskc import PSKC
    except ImportError:
        raise Unavailable(NOT_INSTALLED) from None
    try:
        return PSKC(io.StringIO(document))
    except Exception:  # it raises whatever its parts do, and their messages can contain values
        if "<keycontainer" in document.partition(">")[0].lower() + document[:400]:
            raise Invalid(
                "privacyIDEA's PSKC cannot be read. Export again: pi-tokenjanitor find export --format pi", "file"
            ) from None
        raise Invalid(_DAMAGED, "file") from None


def _is_encrypted(keys: Sequence[Key]) -> bool:
    return any(hasattr(getattr(key, "_secret", None), "cipher_value") for key in keys)


def _unlock(file: PSKC, password: Secret[str]) -> None:
    derivation = file.encryption.derivation
    if derivation.algorithm is None:
        text = "".join(password.reveal().split())
        if not _HEX_KEY.match(text):
            raise Invalid("The key of this PSKC file must be 32, 48 or 64 hexadecimal digits.", "password")
        file.encryption.key = binascii.unhexlify(text)
        return
    if (derivation.pbkdf2_iterations or 0) > _MOST_ROUNDS or (derivation.pbkdf2_key_length or 0) > _LONGEST_KEY:
        raise Invalid("The PSKC file asks for too many rounds of key derivation.", "file")
    try:
        file.encryption.derive_key(password.reveal())
    except Exception:
        raise Invalid("The password of this PSKC file is derived in an unknown way.", "file") from None


def _name(key: Key) -> str:
    return str(key.serial or key.id or "")


def _seed(number: int, key: Key) -> Seed:
    profile = str(key.algorithm or "").rpartition(":")[2].rpartition("#")[2].lower()
    kind = _KINDS.get(profile)
    if kind is None:
        raise BadSeed(f"Its type is {profile[:20] or 'missing'}. Only totp and hotp are supported.", "kind")
    if str(key.response_encoding or "DECIMAL").upper() != "DECIMAL" or key.response_check:
        raise BadSeed("Its codes are not plain decimal digits.", "digits")
    _check_mac(key)
    try:
        secret, counter, interval = key.secret, key.counter, key.time_interval
    except Exception:
        raise BadSeed(_WRONG_PASSWORD, "secret") from None
    return make_seed(
        number,
        Secret(secret or b""),
        user=str(key.userid or "") if _is_login(str(key.userid or "")) else "",
        serial=_name(key),
        label=str(key.manufacturer or key.issuer or ""),
        kind=kind,
        algorithm=str(key.algorithm_suite or "SHA1"),
        digits=key.response_length or 6,
        period=interval or 30,
        counter=counter or 0,
    )


def _check_mac(key: Key) -> None:
    """Refuse an encrypted key that could have been changed: CBC protects nothing by itself."""
    sealed = getattr(key, "_secret", None)
    if not hasattr(sealed, "cipher_value"):
        return
    algorithm = str(getattr(sealed, "algorithm", None) or key.device.pskc.encryption.algorithm or "")
    if algorithm.endswith("-cbc") and not getattr(sealed, "mac_value", None):
        raise BadSeed("Its encrypted key has no MAC, so it could have been changed.", "secret")


def _is_login(user: str) -> bool:
    return "=" not in user  # a distinguished name, such as UID=jsmith,DC=example, is no login
