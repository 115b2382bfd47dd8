"""View of each place as its user left it: search, order, columns and named filters, in views.json beside the settings.

The file holds no secrets, and nothing depends on it. One that is broken, shared or hostile counts as empty, and one
that cannot be written is not written.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from secconsole.config import locations, private
from secconsole.domain.errors import SecconsoleError

LONGEST = 256 * 1024  # bytes of the file
MOST_OWNERS = 50  # the least recently changed ones are forgotten
MOST_FILTERS = 9  # of one place: each has a digit as its key

_Name = Annotated[str, Meta(max_length=40)]
_Search = Annotated[str, Meta(max_length=200)]


@dataclass(frozen=True, slots=True)
class NamedFilter:
    """A search that its user named.

    Its position in the list, counted from 1, is its key.
    """

    name: _Name
    search: _Search


@dataclass(frozen=True, slots=True)
class PlaceView:
    """View of one place.

    `sort`: name of a column, empty for the usual order. `columns`: names of the shown ones in order, empty for the
    usual ones. A place checks both, since the file may come from another version.
    """

    search: _Search = ""
    sort: _Name = ""
    descending: bool = False
    columns: Annotated[tuple[_Name, ...], Meta(max_length=40)] = ()
    filters: Annotated[tuple[NamedFilter, ...], Meta(max_length=MOST_FILTERS)] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """Contents of the file: the places of each owner by name."""

    views: dict[str, dict[_Name, PlaceView]] = field(default_factory=dict)


class Views:
    """Views of one owner, which is a user in a context.

    Nothing is read or written if `path` is None.
    """

    def __init__(self, path: Path | None, owner: str) -> None:
        self._path, self._owner = path, owner
        self._places = dict(_read(path).views.get(owner, {}))
        self._changed: set[str] = set()

    def __getitem__(self, place: str) -> PlaceView:
        return self._places.get(place, PlaceView())

    def __setitem__(self, place: str, view: PlaceView) -> None:
        if view != self[place]:
            self._places[place] = view
            self._changed.add(place)

    @property
    def is_changed(self) -> bool:
        """True if something was not written yet."""
        return bool(self._changed)

    def flush(self) -> None:
        """Write what has changed, and keep what other consoles wrote meanwhile."""
        if self._path is None or not self._changed:
            return
        views = _read(self._path).views
        mine = views.pop(self._owner, {}) | {place: self._places[place] for place in self._changed}
        kept = dict([*views.items(), (self._owner, mine)][-MOST_OWNERS:])
        self._changed.clear()
        with suppress(OSError, SecconsoleError):
            locations.ensure_private_dir(self._path.parent)
            private.write_private(self._path, msgspec.json.encode(_File(kept)).decode())


def _read(path: Path | None) -> _File:
    """Return the contents of the file, or nothing if anything about it is wrong."""
    if path is None:
        return _File()
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would block
    except OSError:
        return _File()
    try:
        info = os.fstat(handle)
        private.refuse_shared(path, info)
        text = os.read(handle, LONGEST + 1) if stat.S_ISREG(info.st_mode) else b""
        return msgspec.json.decode(text, type=_File) if len(text) <= LONGEST else _File()
    except (OSError, SecconsoleError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return _File()
    finally:
        os.close(handle)
