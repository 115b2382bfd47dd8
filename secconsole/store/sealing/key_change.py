"""Changes of the key file during a rotation.

Each is one atomic replacement of the file, so that no key is lost whenever the program is killed:

1. `prepare` adds a new key beside the current one, as `next`.
2. `adopt` makes it the current one, after the store has begun to use it.
3. `retire` moves the others, each to a separate file, when no secret is sealed with them any more.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from secconsole.config.private import read_private, write_private
from secconsole.domain.errors import Unavailable
from secconsole.store.sealing.keys import KEY_BYTES, load_key_file

_NUMBER = re.compile(r"k([0-9]{1,6})")


def next_key(path: Path) -> str:
    """Return the id of the key that was prepared, or an empty text."""
    content = _content(path)
    return str(content.get("next", "")) if content.get("next", "") in content["keys"] else ""


def keys_in(path: Path) -> list[str]:
    """Return the ids of all keys in the file."""
    return list(_content(path)["keys"])


def prepare(path: Path, current: str) -> str:
    """Add a new key to the file for a later rotation, and return its id, which no other key of any store has."""
    content = _content(path)
    found = _NUMBER.match(current)
    # The number is for people. The rest differs from keys of other stores in the same folder.
    name = f"k{int(found[1]) + 1 if found else 2}-{secrets.token_hex(4)}"
    content["keys"][name] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    _replace(path, {**content, "next": name})
    return name


def adopt(path: Path, name: str) -> None:
    """Make a key of the file the current one."""
    content = _content(path)
    content.pop("next", None)
    if content["current"] != name or "next" in _content(path):
        _replace(path, {**content, "current": name})


def refuse_taken(path: Path) -> None:
    """Raise `Unavailable` if a key of the file could not be retired, because its place has another key.

    The first key of every store has the same id, so it may be a key of an earlier store in the same folder.
    """
    for name, key in _content(path)["keys"].items():
        file = retired_file(path, name)
        if file.exists() and _content(file)["keys"] != {name: key}:
            raise Unavailable(f"{file} has another key with the id {name}. Move it to another folder, then try again.")


def retire(path: Path, keep: Collection[str]) -> list[Path]:
    """Move all other keys to files of their own beside this one, and return these files."""
    refuse_taken(path)
    content = _content(path)
    old = {name: key for name, key in content["keys"].items() if name not in keep}
    files = []
    # Each key gets its own file before it is removed from this one, so that it is never in neither.
    for name, key in old.items():
        file = retired_file(path, name)
        with suppress(FileExistsError):  # written before an interruption
            write_private(file, json.dumps({"current": name, "keys": {name: key}}) + "\n", exclusive=True)
        files.append(file)
    if old:
        _replace(path, {**content, "keys": {name: content["keys"][name] for name in content["keys"] if name in keep}})
    return files


def retired_file(path: Path, name: str) -> Path:
    """Return the file of a key that is no longer used."""
    return path.with_name(f"{path.name}.{re.sub('[^0-9A-Za-z-]', '_', name)}")


def retired_files(path: Path) -> list[Path]:
    """Return the files of all keys that are no longer used."""
    return sorted(file for file in path.parent.glob(f"{path.name}.k*") if file.is_file())


def _content(path: Path) -> dict[str, Any]:
    load_key_file(path)  # raises if the file is missing, shared or damaged
    content: dict[str, Any] = json.loads(read_private(path))
    return content


def _replace(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content) + "\n")
