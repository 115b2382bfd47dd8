"""Lists of otpauth URIs, one to a line, as most apps and servers export them."""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qsl, unquote, urlsplit

from secconsole.domain.secret import Secret
from secconsole.domain.seeds.seed import (
    BadSeed,
    Entry,
    Seed,
    Unusable,
    entry_of,
    from_base32,
    lines_of,
    make_seed,
    shown,
    whole_number,
)

START = "otpauth://"
_ENOUGH_FIELDS = 16


def read_otpauth_list(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of a list of URIs."""
    return [read_otpauth_line(number, line) for number, line in lines_of(text)]


def read_otpauth_line(number: int, line: str) -> Entry:
    """Return the entry of one URI."""
    try:
        parts = urlsplit(line)
        # A plus sign stands for itself in an account, such as ana+work@acme.example.
        pairs = parse_qsl(
            parts.query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True, max_num_fields=_ENOUGH_FIELDS
        )
        host, path = parts.netloc.lower(), unquote(parts.path.removeprefix("/"))
    except ValueError:
        return Unusable(number, "", "That is not an otpauth URI.")
    if parts.scheme.lower() != "otpauth":
        return Unusable(number, "", "That is not an otpauth URI.")
    fields = {key.lower(): value for key, value in pairs}
    issuer, account = split_label(path)
    if len(fields) != len(pairs):
        return Unusable(number, shown(account), "A field of the URI occurs twice.")
    return entry_of(number, account, partial(_seed, number, host, account, fields.get("issuer") or issuer, fields))


def split_label(label: str) -> tuple[str, str]:
    """Return issuer and account of a label such as `Acme:ana`."""
    issuer, colon, account = label.partition(":")
    return (issuer.strip(), account.strip()) if colon else ("", label.strip())


def _seed(number: int, kind: str, account: str, issuer: str, fields: dict[str, str]) -> Seed:
    if kind == "hotp" and not fields.get("counter", "").strip():
        raise BadSeed("An HOTP key needs its counter.", "counter")
    return make_seed(
        number,
        from_base32(fields.get("secret", "")),
        user=account,
        label=issuer,
        kind=kind,
        algorithm=fields.get("algorithm", "SHA1"),
        digits=whole_number(fields.get("digits", "6"), "digits"),
        period=whole_number(fields.get("period", "30"), "period"),
        counter=whole_number(fields.get("counter", "0"), "counter", 0),
    )
