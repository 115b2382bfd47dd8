"""The otpauth URI that carries a seed to an authenticator app, and the key as text.

Format: https://github.com/google/google-authenticator/wiki/Key-Uri-Format. Apps differ in what they ignore, so the URI
holds only what they need: algorithm, digits and period when they are not the default, no padding, and `%20` in place of
`+`, which some apps read as a plus sign. The issuer is both in the label and a parameter, as the format recommends. If
that makes the QR code too tall for a terminal of 24 rows, it is in the label only, where old and new apps look for it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.qr import qr_version
from secconsole.domain.factors.totp import Algorithm, TotpParameters
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

TALLEST_VERSION: Final = 6  # 45 modules with a quiet zone of 2: 23 rows of half blocks
_DEFAULT: Final = TotpParameters()
_DIGITS: Final = (6, 7, 8)


class KeyUriError(Invalid, ValueError):
    """Invalid TOTP key URI, or invalid parts for one.

    The message never contains the key.
    """


@dataclass(frozen=True, slots=True)
class KeyUri:
    """Contents of an otpauth URI."""

    seed: Secret[bytes]
    account: str
    issuer: str = ""
    parameters: TotpParameters = _DEFAULT


def label_part(name: str) -> str:
    """Return an issuer or account as part of a label: trimmed, visible, with `-` in place of `:`.

    The colon separates issuer from account, and an app that splits at the wrong one shows `Bank:ana` as an account of
    Bank. It is replaced and not refused: the display name of a tenant must not prevent anyone from binding a phone.
    """
    return visible(name.strip()).replace(":", "-").strip()


def otpauth_uri(
    *,
    seed: Secret[bytes],
    account: str,
    issuer: str,
    algorithm: str = "SHA1",
    digits: int = 6,
    period: int = 30,
) -> Secret[str]:
    """Return the URI for one account.

    Raise `KeyUriError` for parameters that no app supports, or if nothing is left of the account.
    """
    parameters = _parameters(algorithm, digits, period)
    person, organisation = label_part(account), label_part(issuer)
    if not person:
        raise KeyUriError("Enter an account name. A key cannot be bound without one.", "account")
    if not seed:
        raise KeyUriError("The key is empty.", "seed")
    label = f"{_quoted(organisation)}:{_quoted(person)}" if organisation else _quoted(person)
    start = f"otpauth://totp/{label}?secret={key_text(seed)}"
    rest = ""
    if parameters.algorithm is not _DEFAULT.algorithm:
        rest += f"&algorithm={parameters.algorithm.value}"
    if parameters.digits != _DEFAULT.digits:
        rest += f"&digits={parameters.digits}"
    if parameters.period != _DEFAULT.period:
        rest += f"&period={parameters.period}"
    if organisation:
        twice = f"{start}&issuer={_quoted(organisation)}{rest}"
        if _fits(twice):
            return Secret(twice)
    return Secret(start + rest)


def parse_otpauth(uri: Secret[str] | str) -> KeyUri:
    """Parse a TOTP key URI, as leniently as apps do.

    The case of the scheme, padding and spaces after the colon of the label are ignored.
    """
    try:
        parts = urlsplit(uri.reveal() if isinstance(uri, Secret) else uri)
        fields = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise KeyUriError("That is not an otpauth URI.", "uri") from None
    if parts.scheme != "otpauth" or parts.netloc.lower() != "totp":
        raise KeyUriError("Only otpauth://totp/ URIs are supported.", "uri")
    prefix, colon, account = unquote(parts.path.removeprefix("/")).partition(":")
    if not colon:
        prefix, account = "", prefix
    issuer = fields.get("issuer") or prefix
    if not account.strip():
        raise KeyUriError("The URI names no account.", "account")
    try:
        digits, period = int(fields.get("digits", _DEFAULT.digits)), int(fields.get("period", _DEFAULT.period))
    except ValueError:
        raise KeyUriError("Digits and period must be whole numbers.", "uri") from None
    parameters = _parameters(fields.get("algorithm", _DEFAULT.algorithm).upper(), digits, period)
    return KeyUri(seed_from_text(Secret(fields.get("secret", ""))), account.strip(), issuer.strip(), parameters)


def key_text(seed: Secret[bytes]) -> str:
    """Return the seed in Base32 without padding, as apps expect it."""
    return base64.b32encode(seed.reveal()).decode("ascii").rstrip("=")


def grouped_key(key: str) -> str:
    """Return the key in groups of four characters, for reading and typing."""
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def seed_from_text(text: Secret[str]) -> Secret[bytes]:
    """Return the seed of a Base32 text, ignoring case, grouping and padding."""
    letters = "".join(text.reveal().split()).replace("-", "").upper().rstrip("=")
    try:
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        seed = b""
    if not seed:
        raise KeyUriError("The key is not Base32 text.", "secret")
    return Secret(seed)


def _parameters(algorithm: str, digits: int, period: int) -> TotpParameters:
    try:
        known = Algorithm(algorithm)
    except ValueError:
        raise KeyUriError("The algorithm must be SHA1, SHA256 or SHA512.", "algorithm") from None
    if digits not in _DIGITS:
        raise KeyUriError("A code must have six to eight digits.", "digits")
    if not 1 <= period <= 3600:
        raise KeyUriError("The period must be between 1 and 3600 seconds.", "period")
    return TotpParameters(known, digits, period)


def _quoted(name: str) -> str:
    return quote(name, safe="@")


def _fits(uri: str) -> bool:
    # `fit` reports a name that is too long for any code. The shorter form is right then too.
    try:
        return qr_version(uri) <= TALLEST_VERSION
    except ValueError:
        return False
