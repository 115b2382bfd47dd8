"""Export of the audit to a file that only its owner may read, with the same records as the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from secconsole.config import locations
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import cell, record
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.paging import pages
from secconsole.operations.portions import Perform
from secconsole.tui.runtime.private_file import open_new

FIELDS = tuple(field.name for field in fields(AuditEntry) if field.name != "entries")  # each is one
FORMATS = ("csv", "json", "jsonl")


@dataclass(frozen=True, slots=True)
class Export:
    """An export in progress.

    Its file exists already, empty and private.
    """

    path: Path
    file: BinaryIO
    format: str
    query: ListAudit


def suggested_path(tenant: str, format: str, now: datetime) -> Path:
    """Return a free name in the folder of the store."""
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in tenant)
    return locations.data_home() / f"audit-{safe}-{now.astimezone():%Y%m%d-%H%M%S}.{format}"


def begin(typed: str, format: str, query: ListAudit) -> Export:
    """Create the file with mode 0600 under any umask.

    Raise `Invalid` for `path` on failure.
    """
    path, file = open_new(typed, f".{format}", locations.data_home())
    return Export(path, file, format, query)


async def write(export: Export, perform: Perform, progress: Callable[[int], None]) -> int:
    """Write all entries of the query and return their number.

    Remove the file on any failure.
    """
    done = 0
    try:
        with export.file as file:
            await asyncio.to_thread(file.write, _head(export.format))
            async for page in pages(lambda at, size: perform(replace(export.query, cursor=at, limit=size))):
                await asyncio.to_thread(file.write, _records(page.items, export.format, first=not done))
                done += len(page.items)
                progress(done)
            await asyncio.to_thread(_end, file, export.format)
    except BaseException as error:
        export.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{export.path} could not be written: {error.strerror}. It was removed.") from None
        raise
    return done


def _head(format: str) -> bytes:
    return {"json": b'{"items":[', "jsonl": b""}.get(format, _line(FIELDS))


def _records(entries: tuple[AuditEntry, ...], format: str, *, first: bool) -> bytes:
    if format == "jsonl":
        return b"".join(msgspec.json.encode(_utc(entry)) + b"\n" for entry in entries)
    if format == "json":
        encoded = b",".join(msgspec.json.encode(_utc(entry)) for entry in entries)
        return encoded if first or not entries else b"," + encoded
    return b"".join(_line([cell(getattr(entry, name)) for name in FIELDS]) for entry in entries)


def _end(file: BinaryIO, format: str) -> None:
    if format == "json":
        file.write(b'],"next":null}\n')
    file.flush()
    os.fsync(file.fileno())


def _utc(entry: AuditEntry) -> AuditEntry:
    return replace(entry, at=entry.at.astimezone(UTC))


def _line(cells: Sequence[str]) -> bytes:
    return record(cells).encode("utf-8", "backslashreplace")
