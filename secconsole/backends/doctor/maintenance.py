"""Checks of what the store's owner does with the whole store: rotations of the key, and backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secconsole.backends.doctor.finding import Finding, in_utc_of
from secconsole.backends.stores import StorePlace
from secconsole.domain.text import visible
from secconsole.service.store import Store
from secconsole.store.audit_log.seen_heads import file_of, older_chains
from secconsole.store.copies.backup import LAST, backup_time
from secconsole.store.sealing.key_change import keys_in, next_key, retired_files
from secconsole.store.sealing.keys import KeyRing
from secconsole.store.sealing.rotation import rotation
from secconsole.store.sealing.sealed import count_sealed_otherwise

_DAY = 86_400_000
_OLDER = (
    "Find out who replaced the store. If it was restored by other tools, end what was open in it: "
    "secconsole restore --after"
)


def check_rotation(store: Store, keys: KeyRing, place: StorePlace) -> Iterator[Finding]:
    """Check whether a rotation of the key is unfinished, and where old keys are."""
    command = f"secconsole key rotate{place.option}"
    unfinished = store.read(rotation).result()
    prepared = next_key(place.key)
    old = sorted(set(keys_in(place.key)) - {keys.current, prepared})
    if unfinished is not None:
        left = store.read(lambda connection: count_sealed_otherwise(connection, unfinished.after)).result()
        detail = f"unfinished since {in_utc_of(unfinished.at)}: {left:,} secrets are not sealed with the new key yet"
        yield Finding("key rotation", False, detail, f"Continue it: {command}")
    elif old:
        detail = f"{place.key} still has an old key: {visible(', '.join(old))}"
        yield Finding("key rotation", False, detail, f"Put it away: {command}")
    elif prepared:
        advice = f"Copy {place.key.name} to every server of this store, then: {command}"
        yield Finding("key rotation", True, f"the key {visible(prepared)} is prepared and not in use", advice)
    if files := retired_files(place.key):
        advice = "Only backups from before the rotation need it: keep it with the copies of keys, not beside the store."
        yield Finding("old keys", True, ", ".join(path.name for path in files), advice)


def check_age(store: Store, place: StorePlace) -> Finding | None:
    """Return a finding if the audit lacks entries that this machine has seen."""
    older = store.read(lambda connection: older_chains(connection, file_of(place.key))).result()
    if not older:
        return None
    first = older[0]
    seen = in_utc_of(int(first.seen.at * 1000))
    detail = (
        f"{visible(first.tenant)}: entry {first.seen.seq:,} of the audit, seen here {seen}, is missing or different. "
        f"The audit ends at entry {first.seq:,}"
    )
    more = f"; the same is true of {len(older) - 1:,} more tenants" if len(older) > 1 else ""
    return Finding("restored", False, f"{detail}{more}", f"{_OLDER}{place.option}")


def last_backup(store: Store, now: datetime) -> Finding:
    """Return when the store was last backed up by this program."""
    at = store.read(lambda connection: backup_time(connection, LAST)).result()
    if at is None:
        return Finding("backup", True, "secconsole has created none", "Create one: secconsole backup FILE")
    days = max(0, int(now.timestamp() * 1000) - at) // _DAY
    age = "today" if days == 0 else "yesterday" if days == 1 else f"{days:,} days ago"
    return Finding("backup", True, f"the last one was created {in_utc_of(at)}, {age}")
