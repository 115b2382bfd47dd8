"""Exports of privacyIDEA: `pi-tokenjanitor find export --format pi`, a list in JSON that is encrypted with Fernet."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.json_text import decode, each
from secconsole.domain.seeds.seed import BadSeed, Entry, Seed, SeedKind, from_hex, make_seed, whole_number

PROGRAM = "privacyIDEA"
START = "gAAAAA"  # every Fernet token until the year 2106
NEEDS_KEY = "This export of privacyIDEA is encrypted. Enter the key that pi-tokenjanitor printed."
_ENROLLED = ("", "enrolled")

Setting = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class _User:
    login: str = ""


@dataclass(frozen=True, slots=True)
class _Info:
    hashlib: Setting = "sha1"
    timeStep: Setting = 30


@dataclass(frozen=True, slots=True)
class _Token:
    serial: str
    type: str
    otpkey: str = field(default="", repr=False)
    otplen: int = 6
    count: int | None = None
    counter: int | None = None
    description: str | None = None
    active: bool = True
    revoked: bool = False
    locked: bool = False
    rollout_state: str | None = None
    info_list: _Info | None = None
    user: _User | None = None

    @property
    def shown_as(self) -> str:
        return self.serial


def read_privacyidea(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of an export, whose key is the `password`."""
    plain = _decrypted(text, password) if text.lstrip().startswith(START) else text
    return each(decode(plain, list[msgspec.Raw], PROGRAM), _Token, _seed)


def _decrypted(text: str, password: Secret[str] | None) -> str:
    from cryptography.fernet import Fernet, InvalidToken  # 30 ms, and needed only here

    if password is None:
        raise Invalid(NEEDS_KEY, "password")
    # Messages around it, as a shell's > collects them, are not part of it.
    token = text.split()[0]
    try:
        return Fernet(password.reveal().strip()).decrypt(token.encode()).decode()
    except (InvalidToken, ValueError):  # ValueError: no key of 32 bytes, or text that is not UTF-8
        raise Invalid("That key does not open this export of privacyIDEA.", "password") from None


def _seed(number: int, token: _Token) -> Seed:
    kind = token.type.lower()
    if token.revoked or token.locked or not token.active:
        raise BadSeed("It was disabled or revoked in privacyIDEA.")
    if (token.rollout_state or "") not in _ENROLLED:
        raise BadSeed("Its enrollment was not completed in privacyIDEA.")
    info = token.info_list or _Info()
    count = token.count if token.count is not None else token.counter or 0
    return make_seed(
        number,
        from_hex(token.otpkey),
        user=token.user.login if token.user else "",
        serial=token.serial,
        label=token.description or "",
        kind=kind,
        algorithm=_text(info.hashlib) or "SHA1",
        digits=token.otplen,
        period=whole_number(_text(info.timeStep), "period", 30) if kind == SeedKind.TOTP else 30,
        counter=count if kind == SeedKind.HOTP else 0,
    )


def _text(setting: Setting) -> str:
    return "" if setting is None else str(setting)
