"""Exports of Google Authenticator: the texts of its QR codes, one to a line.

Each is `otpauth-migration://offline?data=` and the Base64 form of a protocol buffer. There is no period, because that
app knows 30 seconds only. A value of 0 stands for the default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from secconsole.domain.secret import Secret
from secconsole.domain.seeds.otpauth_list import split_label
from secconsole.domain.seeds.seed import BadSeed, Entry, Unusable, check_number, from_base64, lines_of, make_seed, shown

START = "otpauth-migration://"
_VARINT, _LENGTH = 0, 2  # wire types; 1 and 5 are numbers of 8 and 4 bytes
_FIXED = {1: 8, 5: 4}
_ALGORITHMS = {0: "SHA1", 1: "SHA1", 2: "SHA256", 3: "SHA512", 4: "MD5"}
_DIGITS = {0: 6, 1: 6, 2: 8}
_KINDS = {0: "totp", 1: "hotp", 2: "totp"}
_SECRET, _NAME, _ISSUER, _ALGORITHM, _DIGIT_COUNT, _TYPE, _COUNTER = range(1, 8)
_PARAMETERS, _VERSION, _BATCH_SIZE, _BATCH_INDEX, _BATCH_ID = range(1, 6)

Fields = dict[int, list[int | bytes]]


@dataclass(slots=True)
class _Batch:
    """QR codes of one export that were found, by their index."""

    size: int
    line: int
    found: set[int] = field(default_factory=set)


def read_google_migration(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of all QR codes, and name the codes that are missing."""
    entries: list[Entry] = []
    batches: dict[int, _Batch] = {}
    for number, line in lines_of(text):
        try:
            payload = _payload(line)
        except ValueError:
            entries.append(Unusable(number, "", "That is not the text of a QR code of Google Authenticator."))
            continue
        size, index = max(1, _number(payload, _BATCH_SIZE)), _number(payload, _BATCH_INDEX)
        batch = batches.setdefault(_number(payload, _BATCH_ID), _Batch(size, number))
        if size > 1 and index in batch.found:
            continue  # the same code, scanned twice
        batch.found.add(index)
        if not payload.get(_PARAMETERS):
            entries.append(Unusable(number, "", "The QR code has no keys."))
        entries += [_entry(number, each) for each in payload.get(_PARAMETERS, []) if isinstance(each, bytes)]
        check_number(entries)
    return entries + [missing for batch in batches.values() if (missing := _missing(batch)) is not None]


def _payload(line: str) -> Fields:
    parts = urlsplit(line)
    if parts.scheme.lower() != "otpauth-migration":
        raise ValueError("another scheme")
    data = dict(parse_qsl(parts.query.replace("+", "%2B"), strict_parsing=True, max_num_fields=4)).get("data", "")
    return parse_message(from_base64(data))


def _entry(number: int, message: bytes) -> Entry:
    name = ""
    try:
        fields = parse_message(message)
        issuer, account = split_label(_text(fields, _NAME))
        name = shown(account)
        return make_seed(
            number,
            Secret(_bytes(fields, _SECRET)),
            user=account,
            label=_text(fields, _ISSUER) or issuer,
            kind=_KINDS.get(_number(fields, _TYPE), "unknown"),
            algorithm=_ALGORITHMS.get(_number(fields, _ALGORITHM), "unknown"),
            digits=_DIGITS.get(_number(fields, _DIGIT_COUNT), 0),
            counter=_number(fields, _COUNTER),
        )
    except BadSeed as error:
        return Unusable(number, name, error.message)
    except ValueError:
        return Unusable(number, name, "This part of the QR code is damaged.")


def _missing(batch: _Batch) -> Unusable | None:
    if len(batch.found) >= batch.size:
        return None
    reason = f"The export has {batch.size} QR codes, and {len(batch.found)} of them are here. Scan the others too."
    return Unusable(batch.line, "", reason)


def parse_message(data: bytes) -> Fields:
    """Return the fields of a protocol buffer by number, or raise ValueError."""
    found: Fields = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if kind == _LENGTH:
            size, place = _varint(data, place)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError("unknown wire type")
        if size > len(data) - place:
            raise ValueError("a length beyond the end")
        yield tag >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number of more than ten bytes")


def _number(fields: Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _bytes(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def _text(fields: Fields, number: int) -> str:
    return _bytes(fields, number).decode()
