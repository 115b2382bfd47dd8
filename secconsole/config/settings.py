"""config.toml: what a person prefers. Every value has a default, and a word in it that is not known is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from secconsole.config import locations, private
from secconsole.config.contexts import LOCAL, Context, load_contexts, read_entries
from secconsole.domain.errors import Invalid
from secconsole.domain.text import visible

LOCK_AFTER = 15  # minutes
LONGEST_LOCK_AFTER = 60  # after which the session ends by itself: to lock later, or never, would be no lock at all
_KNOWN = {"tenant": str, "theme": str, "mouse": bool, "lock_after_minutes": int, "contexts": dict}


@dataclass(frozen=True, slots=True)
class Settings:
    """What config.toml says, with the contexts of contexts.toml. `tenant` and `theme` are empty where it says nothing.

    `lock_after_minutes`: how long nobody presses a key before the console locks. `used` is the context that is worked
    at where none is named.
    """

    tenant: str = ""
    theme: str = ""
    mouse: bool = True
    lock_after_minutes: int = LOCK_AFTER
    contexts: Mapping[str, Context] = field(default_factory=dict)
    used: str = ""

    def context(self, name: str = "", backend: str | None = None, ca_file: str = "") -> Context:
        """Where to work: at a backend that is named itself, in the context of that name, or in the one that is used.

        Raises `Invalid` if there is none of that name, or both were named.
        """
        if backend is not None:
            if name:
                raise Invalid("A context has its own backend: give --context or --backend, not both.", "context")
            return self._with_ca(Context(backend=backend, tenant=self.tenant), ca_file)
        name = name or self.used
        if not name or name == LOCAL:
            return self._with_ca(Context(tenant=self.tenant), ca_file)
        if name not in self.contexts:
            there = ", ".join(sorted(self.contexts)) or "none yet"
            raise Invalid(
                f"There is no context {visible(name)}. There are: {there}. See: secconsole context list", "context"
            )
        return self._with_ca(self.contexts[name], ca_file)

    @staticmethod
    def _with_ca(context: Context, ca_file: str) -> Context:
        if ca_file and not context.backend.lower().startswith("https://"):
            raise Invalid("--ca-file is for a server that is reached by https://.", "ca-file")
        return replace(context, ca_file=ca_file) if ca_file else context


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; no file is no settings.

    Raises `Unavailable` if others may read the file, `Invalid` if it is not TOML or a value is of the wrong type.
    """
    path = path or locations.config_path()
    raw = _read(path)
    for name, value in raw.items():
        if name not in _KNOWN:
            raise Invalid(f"{path}: {name} is no setting; the settings are {', '.join(_KNOWN)}.", name)
        if not isinstance(value, _KNOWN[name]) or (isinstance(value, bool) and _KNOWN[name] is int):
            raise Invalid(f"{path}: {name} must be {_article(_KNOWN[name])}.", name)
    tenant, theme, mouse = raw.get("tenant", ""), raw.get("theme", ""), raw.get("mouse", True)
    assert isinstance(tenant, str)
    assert isinstance(theme, str)
    lock_after = raw.get("lock_after_minutes", LOCK_AFTER)
    assert isinstance(lock_after, int)
    if not 1 <= lock_after <= LONGEST_LOCK_AFTER:
        raise Invalid(f"{path}: lock_after_minutes must be between 1 and {LONGEST_LOCK_AFTER}.", "lock_after_minutes")
    own = raw.get("contexts", {})
    assert isinstance(own, dict)
    kept = load_contexts(path.with_name(locations.contexts_path().name))
    return Settings(tenant, theme, mouse is True, lock_after, {**read_entries(path, own), **kept.entries}, kept.used)


def _read(path: Path) -> dict[str, object]:
    if not os.path.lexists(path):
        return {}
    import tomllib

    try:
        return tomllib.loads(private.read_private(path))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}.") from None


def _article(kind: type) -> str:
    return {str: "text in quotes", bool: "true or false", int: "a whole number", dict: "a table"}[kind]
