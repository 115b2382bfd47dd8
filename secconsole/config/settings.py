"""config.toml: what a person prefers. Every value has a default, and a word in it that is not known is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secconsole.config import locations, private
from secconsole.domain.errors import Invalid

_KNOWN = {"tenant": str, "theme": str, "mouse": bool, "contexts": dict}


@dataclass(frozen=True, slots=True)
class Context:
    """A place to work at, named in config.toml; an empty backend is the store on this machine."""

    backend: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What config.toml says. `tenant` and `theme` are empty where it says nothing."""

    tenant: str = ""
    theme: str = ""
    mouse: bool = True
    contexts: Mapping[str, Context] = field(default_factory=dict)

    def context(self, name: str) -> Context:
        """The context of that name, or for no name the one that the rest of the file describes."""
        if not name:
            return Context(tenant=self.tenant)
        if name not in self.contexts:
            there = ", ".join(sorted(self.contexts)) or "none"
            raise Invalid(f"config.toml has no context {name}; it has: {there}.", "context")
        return self.contexts[name]


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; no file is no settings.

    Raises `Unavailable` if others may read the file, `Invalid` if it is not TOML or a value is of the wrong type.
    """
    path = path or locations.config_path()
    raw = _read(path)
    for name, value in raw.items():
        if name not in _KNOWN:
            raise Invalid(f"{path}: {name} is no setting; the settings are {', '.join(_KNOWN)}.", name)
        if not isinstance(value, _KNOWN[name]):
            raise Invalid(f"{path}: {name} must be {_article(_KNOWN[name])}.", name)
    tenant, theme, mouse = raw.get("tenant", ""), raw.get("theme", ""), raw.get("mouse", True)
    assert isinstance(tenant, str)
    assert isinstance(theme, str)
    return Settings(tenant, theme, mouse is True, _contexts(path, raw.get("contexts", {})))


def save_setting(name: str, value: str | bool, path: Path | None = None) -> None:
    """Change one setting and keep the others; comments in the file are lost."""
    import tomli_w

    path = path or locations.config_path()
    locations.ensure_private_dir(path.parent)
    private.write_private(path, tomli_w.dumps({**_read(path), name: value}))


def _read(path: Path) -> dict[str, object]:
    if not os.path.lexists(path):
        return {}
    import tomllib

    try:
        return tomllib.loads(private.read_private(path))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}.") from None


def _contexts(path: Path, raw: object) -> dict[str, Context]:
    assert isinstance(raw, dict)
    found: dict[str, Context] = {}
    for name, entry in raw.items():
        known = isinstance(entry, dict) and entry.keys() <= {"backend", "tenant"}
        if not known or not all(isinstance(v, str) for v in entry.values()):
            raise Invalid(f"{path}: contexts.{name} takes a backend and a tenant, both as text.", "contexts")
        found[name] = Context(**entry)
    return found


def _article(kind: type) -> str:
    return {str: "text in quotes", bool: "true or false", dict: "a table"}[kind]
