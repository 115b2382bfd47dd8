"""Contexts: named backends with a tenant and a colour.

`secconsole context` writes contexts.toml. config.toml may contain contexts too.

    use = "prod"                     # the default context

    [contexts.prod]
    backend = "https://mfa.acme.example"
    tenant = "acme"
    colour = "red"
    ca_file = "/etc/ssl/acme-ca.pem"

Contexts have a separate file, because writing TOML drops comments and config.toml is written by people. The file
contains no secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from secconsole.config import locations, private
from secconsole.config.address import parse_server_url
from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.text import visible

LOCAL: Final = "local"  # the store on this machine, which always exists
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_FIELDS: Final = ("backend", "tenant", "colour", "ca_file")


@dataclass(frozen=True, slots=True)
class Paint:
    """Two colours with readable contrast, and their equivalents among the terminal's sixteen."""

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
class NamedContext:
    """Named backend.

    An empty `backend` is the store on this machine. An empty `name` means that no context is used.
    """

    name: str = ""
    backend: str = ""
    tenant: str = ""
    colour: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Contexts:
    """Contents of contexts.toml: the contexts by name, and the default one (empty: the local store)."""

    entries: Mapping[str, NamedContext] = field(default_factory=dict)
    used: str = ""


def load_contexts(path: Path | None = None) -> Contexts:
    """Read contexts.toml, which may be missing.

    Raise `Unavailable` if other users may read or write it, `Invalid` if something in it is wrong.
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
        raise Invalid(f"{path} contains something other than `use` and `contexts`.", "contexts")
    read = read_entries(path, entries)
    if used and used not in read and not NAME.match(used):
        raise Invalid(f"{path}: `use` must name a context.", "use")
    return Contexts(read, used)


def read_entries(path: Path, raw: Mapping[str, object]) -> dict[str, NamedContext]:
    """Return the contexts of a table, or raise `Invalid` naming the wrong one."""
    found: dict[str, NamedContext] = {}
    for name, entry in raw.items():
        where = f"{path}: contexts.{visible(name)}"
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            raise Invalid(f"{where} takes {', '.join(_FIELDS)}, each as text.", "contexts")
        if entry.keys() - set(_FIELDS):
            raise Invalid(f"{where} takes {', '.join(_FIELDS)} and nothing else.", "contexts")
        try:
            found[name] = checked(NamedContext(name, **entry))
        except Invalid as error:
            raise Invalid(f"{where}: {error.message}", "contexts") from None
    return found


def checked(context: NamedContext) -> NamedContext:
    """Return the context with its address normalised, or raise `Invalid` for a bad name, address or colour."""
    if not NAME.match(context.name) or context.name == LOCAL:
        raise Invalid(
            f"{visible(context.name)} is not a valid name for a context. Use at most 32 letters, digits, dots, dashes "
            f"and underscores, and not {LOCAL}, which is the store on this machine.",
            "name",
        )
    if context.colour and context.colour not in COLOURS:
        raise Invalid(
            f"{visible(context.colour)} is not a colour for contexts. Use one of {', '.join(COLOURS)}.", "colour"
        )
    if not context.tenant.isprintable():
        raise Invalid(f"{visible(context.tenant)} is not a valid tenant name.", "tenant")
    if context.ca_file and not Path(context.ca_file).is_absolute():
        raise Invalid("ca_file must be an absolute path, beginning with /.", "ca-file")
    if not context.backend:
        if context.ca_file:
            raise Invalid("ca_file is only for servers. Add a backend.", "ca-file")
        return context
    return replace(context, backend=parse_server_url(context.backend).url)


def add_context(context: NamedContext, *, replaced: bool = False, path: Path | None = None) -> NamedContext:
    """Store a context, or raise `Conflict` if one of that name exists and may not be replaced."""
    context = checked(context)
    known = load_contexts(path)
    if context.name in known.entries and not replaced:
        raise Conflict(f"The context {context.name} already exists. Replace it with --replace, or remove it first.")
    _save(replace(known, entries={**known.entries, context.name: context}), path)
    return context


def use_context(name: str, path: Path | None = None) -> None:
    """Make a context the default.

    `local` and the empty name are the store on this machine.
    """
    _save(replace(load_contexts(path), used="" if name == LOCAL else name), path)


def remove_context(name: str, path: Path | None = None) -> NamedContext:
    """Remove a context and return it, or raise `NotFound` if contexts.toml does not contain it."""
    known = load_contexts(path)
    if name not in known.entries:
        raise NotFound(f"{path or locations.contexts_path()} contains no context {visible(name)}.")
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
