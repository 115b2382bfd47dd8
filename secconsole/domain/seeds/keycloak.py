"""Exports of a Keycloak realm with its users: `users[].credentials[]` of the type otp.

A key is the text of `secretData.value` itself and not Base32, unless `credentialData.secretEncoding` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import msgspec

from secconsole.domain.secret import Secret
from secconsole.domain.seeds.json_text import decode
from secconsole.domain.seeds.seed import (
    BadSeed,
    Entry,
    Seed,
    Unusable,
    check_number,
    entry_of,
    from_base32,
    make_seed,
    shown,
)

PROGRAM = "Keycloak"
_OTP = ("otp", "totp", "hotp")  # the last two before version 8


@dataclass(frozen=True, slots=True)
class _File:
    users: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class _User:
    username: str
    credentials: list[msgspec.Raw] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Credential:
    type: str = ""
    userLabel: str | None = None
    secretData: str = field(default="", repr=False)
    credentialData: str = ""


@dataclass(frozen=True, slots=True)
class _SecretData:
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _CredentialData:
    subType: str = "totp"
    algorithm: str = "HmacSHA1"
    digits: int = 6
    period: int = 30
    counter: int = 0
    secretEncoding: str | None = None


def read_keycloak(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of all users, numbered by user."""
    users = decode(text, _File, PROGRAM).users
    check_number(users)
    entries: list[Entry] = []
    for number, raw in enumerate(users, start=1):
        entries += _entries(number, raw)
        check_number(entries)
    return entries


def _entries(number: int, raw: msgspec.Raw) -> list[Entry]:
    name = ""
    try:
        user = msgspec.json.decode(raw, type=_User)
        name = shown(user.username)
        found = [msgspec.json.decode(each, type=_Credential) for each in user.credentials]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return [Unusable(number, name, "A field is missing, or of another type than expected.")]
    return [entry_of(number, name, partial(_seed, number, user, each)) for each in found if each.type in _OTP]


def _seed(number: int, user: _User, credential: _Credential) -> Seed:
    try:
        data = msgspec.json.decode(credential.credentialData, type=_CredentialData)
        value = msgspec.json.decode(credential.secretData, type=_SecretData).value
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadSeed("A field is missing, or of another type than expected.") from None
    encoding = (data.secretEncoding or "").upper()
    if encoding not in ("", "BASE32"):
        raise BadSeed("The encoding of its key is unknown.", "secret")
    try:
        secret = from_base32(value) if encoding else Secret(value.encode())
    except UnicodeError:
        raise BadSeed("The key is not text.", "secret") from None
    return make_seed(
        number,
        secret,
        user=user.username,
        label=credential.userLabel or "",
        kind=data.subType,
        algorithm=data.algorithm,
        digits=data.digits,
        period=data.period,
        counter=data.counter,
    )
