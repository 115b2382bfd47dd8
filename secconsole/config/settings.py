"""Preferences in config.toml, with a default for each and an error for unknown names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from secconsole.config import locations, private
from secconsole.config.contexts import LOCAL, NamedContext, load_contexts, read_entries
from secconsole.config.keymap import KeyChoice, read_keys
from secconsole.domain.errors import Invalid
from secconsole.domain.networks.reach import MAIL_PORTS, PUBLIC, Reach, parse_networks
from secconsole.domain.text import visible

LOCK_AFTER = 15  # minutes
USUAL_KEYS = KeyChoice()
LONGEST_LOCK_AFTER = 60  # the session ends after that time anyway, so locking later would be no lock at all
_KNOWN = {
    "tenant": str,
    "theme": str,
    "mouse": bool,
    "lock_after_minutes": int,
    "contexts": dict,
    "keymap": str,
    "keys": dict,
    "delivery_networks": list,
    "delivery_ports": list,
}


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Contents of config.toml, with the contexts of contexts.toml.

    `tenant` and `theme` are empty if not set. `lock_after_minutes`: idle time after which the console locks. `used`:
    the default context. `reach`: hosts that the delivery settings of tenant administrators may name. `keymap`: chosen
    keys.
    """

    tenant: str = ""
    theme: str = ""
    mouse: bool = True
    lock_after_minutes: int = LOCK_AFTER
    contexts: Mapping[str, NamedContext] = field(default_factory=dict)
    used: str = ""
    reach: Reach = PUBLIC
    keymap: KeyChoice = USUAL_KEYS

    def context(self, name: str = "", backend: str | None = None, ca_file: str = "") -> NamedContext:
        """Return the context to use: an explicit backend, the context of that name, or the default.

        Raise `Invalid` if that context does not exist, or if both were given.
        """
        if backend is not None:
            if name:
                raise Invalid("A context has its own backend. Use either --context or --backend.", "context")
            return self._with_ca(NamedContext(backend=backend, tenant=self.tenant), ca_file)
        name = name or self.used
        if not name or name == LOCAL:
            return self._with_ca(NamedContext(tenant=self.tenant), ca_file)
        if name not in self.contexts:
            there = ", ".join(sorted(self.contexts)) or "none yet"
            raise Invalid(
                f"The context {visible(name)} does not exist. There are: {there}. See: secconsole context list",
                "context",
            )
        return self._with_ca(self.contexts[name], ca_file)

    @staticmethod
    def _with_ca(context: NamedContext, ca_file: str) -> NamedContext:
        if ca_file and not context.backend.lower().startswith("https://"):
            raise Invalid("--ca-file is only for servers with an https:// address.", "ca-file")
        return replace(context, ca_file=ca_file) if ca_file else context


def load_settings(path: Path | None = None) -> ConsoleSettings:
    """Read the settings from a file, which may be missing.

    Raise `Unavailable` if other users may read the file, `Invalid` if it is not TOML or a value has the wrong type.
    """
    path = path or locations.config_path()
    raw = _read(path)
    for name, value in raw.items():
        if name not in _KNOWN:
            raise Invalid(f"{path}: {name} is not a known setting. The settings are {', '.join(_KNOWN)}.", name)
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
    contexts = {**read_entries(path, own), **kept.entries}
    keys = raw.get("keys", {})
    assert isinstance(keys, dict)
    chosen = read_keys(path, raw.get("keymap", "default"), keys)
    return ConsoleSettings(tenant, theme, mouse is True, lock_after, contexts, kept.used, _reach(path, raw), chosen)


def _reach(path: Path, raw: Mapping[str, object]) -> Reach:
    """Return the hosts that delivery settings may name, for owners who do not manage all tenants."""
    networks, ports = raw.get("delivery_networks", []), raw.get("delivery_ports", list(MAIL_PORTS))
    assert isinstance(networks, list)
    assert isinstance(ports, list)
    if not all(isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535 for port in ports):
        raise Invalid(f"{path}: delivery_ports must be whole numbers between 1 and 65535.", "delivery_ports")
    try:
        return Reach(networks=parse_networks(map(str, networks)), ports=tuple(ports))
    except ValueError as error:
        raise Invalid(
            f"{path}: delivery_networks must be networks such as 10.0.0.0/8: {visible(str(error))}.",
            "delivery_networks",
        ) from None


def _read(path: Path) -> dict[str, object]:
    if not os.path.lexists(path):
        return {}
    import tomllib

    try:
        return tomllib.loads(private.read_private(path))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}.") from None


def _article(kind: type) -> str:
    return {str: "text in quotes", bool: "true or false", int: "a whole number", dict: "a table", list: "a list"}[kind]
