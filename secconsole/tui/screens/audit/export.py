"""The audit as a file that only its owner may read: the same records that the command line exports."""

from __future__ import annotations

import asyncio
import csv
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from secconsole.config import locations
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import neutral
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.tui.new_file import open_new

R = TypeVar("R")
FIELDS = (
    "id", "at", "actor", "action", "target", "target_id", "outcome", "reason", "ticket", "channel", "address",
    "request_id", "details",
)  # fmt: skip
PAGE = 500
FORMATS = ("csv", "json")


class Perform(Protocol):
    """How operations are done: the app's `perform`."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


@dataclass(frozen=True, slots=True)
class Export:
    """What goes where. The file is there already, empty and ours alone."""

    path: Path
    file: BinaryIO
    format: str
    query: ListAudit


def suggested_path(tenant: str, format: str, now: datetime) -> Path:
    """A name that nobody has taken, beside the store."""
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in tenant)
    return locations.data_home() / f"audit-{safe}-{now.astimezone():%Y%m%d-%H%M%S}.{format}"


def begin(typed: str, format: str, query: ListAudit) -> Export:
    """Make the file, 0600 whatever the umask; raise `Invalid` for `path` if that cannot be."""
    path, file = open_new(typed, f".{format}", locations.data_home())
    return Export(path, file, format, query)


async def write(export: Export, perform: Perform, progress: Callable[[int], None]) -> int:
    """Write all entries of the query, and say how many; on any failure the file is taken away again."""
    done = 0
    try:
        with export.file as file:
            await asyncio.to_thread(file.write, _head(export.format))
            query = replace(export.query, limit=PAGE, cursor=None)
            while True:
                page = await perform(query)
                await asyncio.to_thread(file.write, _records(page.items, export.format, first=not done))
                done += len(page.items)
                progress(done)
                if page.next is None:
                    break
                query = replace(query, cursor=page.next)
            await asyncio.to_thread(_end, file, export.format)
    except BaseException as error:
        export.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{export.path} could not be written: {error.strerror}. It was taken away.") from None
        raise
    return done


def _head(format: str) -> bytes:
    return b'{"items":[' if format == "json" else _line(FIELDS)


def _records(entries: tuple[AuditEntry, ...], format: str, *, first: bool) -> bytes:
    if format == "json":
        encoded = b",".join(msgspec.json.encode(_utc(entry)) for entry in entries)
        return encoded if first or not entries else b"," + encoded
    return b"".join(_line([_cell(getattr(entry, name)) for name in FIELDS]) for entry in entries)


def _end(file: BinaryIO, format: str) -> None:
    if format == "json":
        file.write(b'],"next":null}\n')
    file.flush()
    os.fsync(file.fileno())


def _utc(entry: AuditEntry) -> AuditEntry:
    return replace(entry, at=entry.at.astimezone(UTC))


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return ";".join(f"{name}={part}" for name, part in value.items())
    return str(value)


def _line(cells: list[str] | tuple[str, ...]) -> bytes:
    """One record as RFC 4180 writes it; no cell can be taken for a formula."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([neutral(cell) for cell in cells])
    return buffer.getvalue().encode("utf-8", "backslashreplace")
