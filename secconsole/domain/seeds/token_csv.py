"""CSV files of hardware tokens: of the OATH form, and of Yubico's programs.

OATH form: `serial, key in hexadecimal, totp or hotp, digits, period or counter, algorithm`, without a header. After a
first line `# version: 2` each line begins with user, resolver and realm.

Yubico writes `OATH-HOTP,time,slot,token id,,key,,,0,0,0,digits,…`, or `serial,,counter,key,,time,`.
"""

from __future__ import annotations

import csv
import re
from functools import partial

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.seed import (
    BadSeed,
    Entry,
    Seed,
    SeedKind,
    check_number,
    entry_of,
    from_hex,
    lines_of,
    make_seed,
    shown,
    whole_number,
)

_WITH_USERS = re.compile(r"#\s*version:\s*2\s*\Z")
_YUBICO = ("oath-hotp", "yubico otp", "static password", "challenge-response")
_KINDS = ("totp", "hotp", "ocra", "tan")
_LOSES_HASH = (
    "This is privacyIDEA's CSV export, which leaves out whether a token uses SHA256. "
    "Export again: pi-tokenjanitor find export --format pi --file FILE"
)


def read_oath_csv(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of a file of the OATH form."""
    with_users = _WITH_USERS.match(text.lstrip("\ufeff").partition("\n")[0].strip()) is not None
    entries: list[Entry] = []
    for number, cells in _rows(text):
        user = ""
        if with_users:
            user, cells = cells[0], cells[3:]
        elif len(cells) >= 5 and cells[3].lower() in ("totp", "hotp") and cells[2].lower() not in _KINDS:
            raise Invalid(_LOSES_HASH, "file")
        entries.append(entry_of(number, cells[0] if cells else "", partial(_oath, number, user, cells)))
        check_number(entries)
    return entries


def read_yubico_csv(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of a file of Yubico's programs."""
    entries: list[Entry] = []
    for number, cells in _rows(text):
        traditional = cells[0].lower() in _YUBICO
        name = cells[3] if traditional and len(cells) > 3 else cells[0]
        read = _yubico_traditional if traditional else _yubico
        entries.append(entry_of(number, name, partial(read, number, cells)))
        check_number(entries)
    return entries


def is_yubico(line: str) -> bool:
    """Return True if the first line with data is one of Yubico's programs."""
    cells = [cell.strip() for cell in line.split(",")]
    return cells[0].lower() in _YUBICO or (len(cells) >= 6 and cells[0].isdigit() and cells[2].lower() not in _KINDS)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    rows = []
    for number, line in lines_of(text.lstrip("\ufeff")):
        try:
            cells = next(csv.reader([line]))
        except csv.Error:
            raise Invalid(f"Line {number} is not CSV.", "file") from None
        rows.append((number, [cell.strip() for cell in cells]))
    return rows


def _oath(number: int, user: str, cells: list[str]) -> Seed:
    if len(cells) < 3:
        raise BadSeed("The line must have a serial number, a key and totp or hotp.")
    kind = cells[2].lower()
    if kind not in tuple(SeedKind):  # before its other columns, which mean something else then
        raise BadSeed(f"Its type is {shown(kind) or 'missing'}. Only totp and hotp are supported.", "kind")
    step = cells[4] if len(cells) > 4 else ""
    return make_seed(
        number,
        from_hex(cells[1]),
        user=user,
        serial=cells[0],
        kind=kind,
        algorithm=cells[5] if len(cells) > 5 and cells[5] else "SHA1",
        digits=whole_number(cells[3] if len(cells) > 3 else "", "digits", 6),
        period=whole_number(step, "period", 30) if kind == SeedKind.TOTP else 30,
        counter=whole_number(step, "counter", 0) if kind == SeedKind.HOTP else 0,
    )


def _yubico_traditional(number: int, cells: list[str]) -> Seed:
    if cells[0].lower() != "oath-hotp":
        raise BadSeed(f"Its type is {shown(cells[0])}. Only OATH-HOTP is supported.", "kind")
    if len(cells) < 12:
        raise BadSeed("The line has too few columns.")
    digits = whole_number(cells[11], "digits", 6)
    return make_seed(number, from_hex(cells[5]), serial=cells[3], kind=SeedKind.HOTP, digits=digits)


def _yubico(number: int, cells: list[str]) -> Seed:
    if len(cells) < 4:
        raise BadSeed("The line has too few columns.")
    if cells[1]:  # a public id, which only Yubico's own codes have
        raise BadSeed("Its type is Yubico OTP. Only OATH-HOTP is supported.", "kind")
    if not cells[2]:
        raise BadSeed("Its type is a static password. Only OATH-HOTP is supported.", "kind")
    counter = whole_number(cells[2], "counter")
    return make_seed(number, from_hex(cells[3]), serial=cells[0], kind=SeedKind.HOTP, counter=counter)
