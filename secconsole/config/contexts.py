"""Contexts: places to work at, by name. `secconsole context` writes contexts.toml; config.toml may hold some too.

    use = "prod"                     # the one that is worked at where none is named

    [contexts.prod]
    backend = "https://mfa.acme.example"
    tenant = "acme"
    colour = "red"
    ca_file = "/etc/ssl/acme-ca.pem"

A file of its own, since writing TOML drops comments, and config.toml is written by people. It holds no secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from secconsole.config import locations, private
from secconsole.config.address import parse_address
from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.text import visible

LOCAL: Final = "local"  # the store on this machine, which is always there
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_FIELDS: Final = ("backend", "tenant", "colour", "ca_file")


@dataclass(frozen=True, slots=True)
class Paint:
    """Two colours that are read together anywhere, and their twins of the terminal's sixteen."""

    ground: str
    ink: str
    ansi_ground: str
    ansi_ink: str


COLOURS: Final[Mapping[str, Paint]] = {
    "red": Paint("#d32f2f", "#ffffff", "ansi_red", "ansi_bright_white"),
    "orange": Paint("#b84a00", "#ffffff", "ansi_yellow", "ansi_black"),
    "yellow": Paint("#f2c200", "#000000", "ansi_bright_yellow", "ansi_black"),
    "green": Paint("#1e7a3c", "#ffffff", "ansi_green", "ansi_black"),
    "blue": Paint("#2563c9", "#ffffff", "ansi_blue", "ansi_bright_white"),
    "purple": Paint("#8a3ab9", "#ffffff", "ansi_magenta", "ansi_bright_white"),
    "grey": Paint("#5f6b76", "#ffffff", "ansi_white", "ansi_black"),
}


@dataclass(frozen=True, slots=True)
class Context:
    """A place to work at; an empty backend is the store on this machine, an empty name is no context."""

    name: str = ""
    backend: str = ""
    tenant: str = ""
    colour: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Contexts:
    """What contexts.toml says: the contexts by name, and which is used where none is named (empty: the local store)."""

    entries: Mapping[str, Context] = field(default_factory=dict)
    used: str = ""


def load_contexts(path: Path | None = None) -> Contexts:
    """Read contexts.toml; no file is no contexts.

    Raises `Unavailable` if others may read or write it, `Invalid` if something in it is not right.
    """
    path = path or locations.contexts_path()
    if not os.path.lexists(path):
        return Contexts()
    import tomllib

    try:
        raw = tomllib.loads(private.read_private(path))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}.") from None
    used, entries = raw.get("use", ""), raw.get("contexts", {})
    if raw.keys() - {"use", "contexts"} or not isinstance(used, str) or not isinstance(entries, dict):
        raise Invalid(f"{path} holds something else than `use` and `contexts`.", "contexts")
    read = read_entries(path, entries)
    if used and used not in read and not NAME.match(used):
        raise Invalid(f"{path}: use names no context.", "use")
    return Contexts(read, used)


def read_entries(path: Path, raw: Mapping[str, object]) -> dict[str, Context]:
    """The contexts of a table; `Invalid` names the one that is not right."""
    found: dict[str, Context] = {}
    for name, entry in raw.items():
        where = f"{path}: contexts.{visible(name)}"
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            raise Invalid(f"{where} takes {', '.join(_FIELDS)}, each as text.", "contexts")
        if entry.keys() - set(_FIELDS):
            raise Invalid(f"{where} takes {', '.join(_FIELDS)} and nothing else.", "contexts")
        try:
            found[name] = checked(Context(name, **entry))
        except Invalid as error:
            raise Invalid(f"{where}: {error.message}", "contexts") from None
    return found


def checked(context: Context) -> Context:
    """The context with its address in its one form; raise `Invalid` for a name, address or colour that is none."""
    if not NAME.match(context.name) or context.name == LOCAL:
        raise Invalid(
            f"{visible(context.name)} is no name for a context: letters, digits, dot, dash and underscore, at most 32, "
            f"and not {LOCAL}, which is the store on this machine.",
            "name",
        )
    if context.colour and context.colour not in COLOURS:
        raise Invalid(f"{visible(context.colour)} is no colour here: {', '.join(COLOURS)}.", "colour")
    if not context.tenant.isprintable():
        raise Invalid(f"{visible(context.tenant)} is no name of a tenant.", "tenant")
    if context.ca_file and not Path(context.ca_file).is_absolute():
        raise Invalid("ca_file must be a whole path, beginning with /.", "ca-file")
    if not context.backend:
        if context.ca_file:
            raise Invalid("ca_file is for a server, and no backend is given.", "ca-file")
        return context
    return replace(context, backend=parse_address(context.backend).url)


def add_context(context: Context, *, replaced: bool = False, path: Path | None = None) -> Context:
    """Write one down; raise `Conflict` if there is one of that name that may not be replaced."""
    context = checked(context)
    known = load_contexts(path)
    if context.name in known.entries and not replaced:
        raise Conflict(f"There is a context {context.name} already. Replace it with --replace, or remove it first.")
    _save(replace(known, entries={**known.entries, context.name: context}), path)
    return context


def use_context(name: str, path: Path | None = None) -> None:
    """Make one the context that is worked at where none is named; `local` and nothing are the store on this machine."""
    _save(replace(load_contexts(path), used="" if name == LOCAL else name), path)


def remove_context(name: str, path: Path | None = None) -> Context:
    """Take one away, and give it; raise `NotFound` if contexts.toml has none of that name."""
    known = load_contexts(path)
    if name not in known.entries:
        raise NotFound(f"{path or locations.contexts_path()} has no context {visible(name)}.")
    rest = {other: context for other, context in known.entries.items() if other != name}
    _save(Contexts(rest, "" if known.used == name else known.used), path)
    return known.entries[name]


def _save(contexts: Contexts, path: Path | None) -> None:
    import tomli_w

    path = path or locations.contexts_path()
    entries = {
        name: {key: value for key in _FIELDS if (value := getattr(context, key))}
        for name, context in contexts.entries.items()
    }
    locations.ensure_private_dir(path.parent)
    private.write_private(
        path, tomli_w.dumps({**({"use": contexts.used} if contexts.used else {}), "contexts": entries})
    )
