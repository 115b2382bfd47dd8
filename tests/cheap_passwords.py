"""The least cost for hashes of passwords, in tests and programs that they fork. `REAL` is the program's own cost."""

from __future__ import annotations

from secconsole.service.factors.passwords import Passwords

LEAST = {"time_cost": 1, "memory_kib": 8}
REAL = dict(Passwords.__init__.__kwdefaults__)


def cheapen() -> None:
    """Hash at the least cost from now on. A real hash takes as long as a dozen operations."""
    Passwords.__init__.__kwdefaults__.update(LEAST)
