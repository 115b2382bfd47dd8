"""Formats of files with keys, recognised by their contents, and the function that reads each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds import google_authenticator, google_migration, otpauth_list, privacyidea
from secconsole.domain.seeds.aegis import read_aegis
from secconsole.domain.seeds.freeotp import read_freeotp
from secconsole.domain.seeds.keycloak import read_keycloak
from secconsole.domain.seeds.pskc import read_pskc
from secconsole.domain.seeds.seed import LONGEST_FILE, Entry, check_number, lines_of
from secconsole.domain.seeds.token_csv import is_yubico, read_oath_csv, read_yubico_csv


class SeedFormat(StrEnum):
    OTPAUTH = "otpauth"
    GOOGLE = "google-migration"
    PSKC = "pskc"
    PRIVACYIDEA = "privacyidea"
    OATH_CSV = "oath-csv"
    YUBICO_CSV = "yubico-csv"
    AEGIS = "aegis"
    FREEOTP = "freeotp-plus"
    KEYCLOAK = "keycloak"
    PAM = "google-authenticator"


Read = Callable[[str, Secret[str] | None], list[Entry]]
READERS: Mapping[SeedFormat, Read] = {
    SeedFormat.OTPAUTH: otpauth_list.read_otpauth_list,
    SeedFormat.GOOGLE: google_migration.read_google_migration,
    SeedFormat.PSKC: read_pskc,
    SeedFormat.PRIVACYIDEA: privacyidea.read_privacyidea,
    SeedFormat.OATH_CSV: read_oath_csv,
    SeedFormat.YUBICO_CSV: read_yubico_csv,
    SeedFormat.AEGIS: read_aegis,
    SeedFormat.FREEOTP: read_freeotp,
    SeedFormat.KEYCLOAK: read_keycloak,
    SeedFormat.PAM: google_authenticator.read_google_authenticator,
}
UNKNOWN = "The format of the file was not recognised. Name it with --format."
_KEY = re.compile(r"[A-Za-z2-7 =-]{8,}\Z")
_HEX_IN_SECOND = re.compile(r"[^,]+,\s*[0-9A-Fa-f]{20,}\s*(,|\Z)")
_WITH_USER = re.compile(r"[^,]*,[^,]*,[^,]*,[^,]+,\s*[0-9A-Fa-f]{20,}\s*(,|\Z)")
_HEX_IN_THIRD = re.compile(r"[^,]+,[^,]+,\s*[0-9A-Fa-f]{20,}\s*,\s*[ht]otp\b")


def read_seeds(text: str, password: Secret[str] | None = None, format: SeedFormat | None = None) -> list[Entry]:
    """Return the entries of a file, or raise `Invalid` if it cannot be read as a whole.

    `password`: of an encrypted file, or its key.
    """
    if len(text) > LONGEST_FILE:
        raise Invalid(f"The file has more than {LONGEST_FILE // 1024 // 1024} MiB. Divide it.", "file")
    text = text.removeprefix("\ufeff")
    found = format or recognise(text)
    if found is None:
        raise Invalid(UNKNOWN, "file")
    entries = READERS[found](text, password)
    check_number(entries)
    return entries


def recognise(text: str) -> SeedFormat | None:
    """Return the format of a file, judged by its first characters, lines and names.

    The length of a key says nothing about it.
    """
    start = text.removeprefix("\ufeff").lstrip()
    if start.startswith("<"):
        return SeedFormat.PSKC
    if start.startswith(("{", "[")):
        return _of_json(start)
    if start.startswith(privacyidea.START):
        return SeedFormat.PRIVACYIDEA
    lines = lines_of(start)
    first, second = (next(lines, (0, ""))[1] for _ in range(2))
    if first.lower().startswith(google_migration.START):
        return SeedFormat.GOOGLE
    if first.lower().startswith(otpauth_list.START):
        return SeedFormat.OTPAUTH
    if second.startswith(google_authenticator.OPTION) and _KEY.match(first):
        return SeedFormat.PAM
    if is_yubico(first):
        return SeedFormat.YUBICO_CSV
    if any(form.match(first) for form in (_HEX_IN_SECOND, _WITH_USER, _HEX_IN_THIRD)):
        return SeedFormat.OATH_CSV
    return None


def _of_json(text: str) -> SeedFormat | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        return SeedFormat.PRIVACYIDEA if found and isinstance(found[0], dict) and "otpkey" in found[0] else None
    if not isinstance(found, dict):
        return None
    if "db" in found and "header" in found:
        return SeedFormat.AEGIS
    if "tokens" in found:
        return SeedFormat.FREEOTP
    return SeedFormat.KEYCLOAK if "users" in found else None
