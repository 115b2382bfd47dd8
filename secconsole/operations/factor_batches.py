"""Import of a file's keys in batches that do not block other requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from secconsole.domain.factors.otpauth import key_text
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.import_rules import ImportState
from secconsole.domain.seeds.seed import Entry, Seed, Unusable
from secconsole.operations.factor_import import FactorsImported, ImportedFactor, ImportFactors, NewFactor, added_up
from secconsole.operations.portions import Perform

BATCH = 100


def mapped(entries: Sequence[Entry], logins: Mapping[str, str]) -> list[Entry]:
    """Return the entries with the logins that a map gives their serial numbers or accounts."""
    return [_mapped(entry, logins) if isinstance(entry, Seed) else entry for entry in entries]


def _mapped(seed: Seed, logins: Mapping[str, str]) -> Seed:
    login = logins.get(seed.serial) if seed.serial else None
    return replace(seed, user=login or logins.get(seed.user, seed.user))


async def import_entries(
    perform: Perform,
    tenant: str,
    entries: Sequence[Entry],
    *,
    pending: bool = False,
    check_only: bool = False,
    progress: Callable[[int], None] = lambda sent: None,
) -> FactorsImported:
    """Import or check the entries of a file, and return the outcome of each in their order."""
    items = [_refused(entry) for entry in entries if isinstance(entry, Unusable)]
    lines = [_line(entry) for entry in entries if isinstance(entry, Seed)]
    for start in range(0, len(lines), BATCH):
        batch = tuple(lines[start : start + BATCH])
        result = await perform(ImportFactors(tenant=tenant, factors=batch, pending=pending, check_only=check_only))
        items += result.items
        progress(min(start + BATCH, len(lines)))
    return added_up(items)


def _refused(entry: Unusable) -> ImportedFactor:
    return ImportedFactor(entry.line, entry.name, "", ImportState.REFUSED, entry.reason)


def _line(seed: Seed) -> NewFactor:
    return NewFactor(
        seed.line,
        seed.user,
        Secret(key_text(seed.secret)),
        seed.serial,
        seed.label,
        seed.kind,
        seed.algorithm,
        seed.digits,
        seed.period,
        seed.counter,
    )
