"""`restore`: replace the content of a store by that of a backup, at once or not at all.

The backup is first copied, checked, migrated and sealed with the present key in a separate file. While nobody else
can write, that copy gets its last changes, and one transaction of SQLite puts it in the place of the store's content.
So consoles and servers can stay open: their next read sees the restored store, and their sessions are over.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.maintenance.opening import (
    open_file,
    opening_keys,
    require_key_owner,
    store_locked,
)
from secconsole.backends.maintenance.staging import Staged, stage
from secconsole.backends.stores import StorePlace
from secconsole.config.private import refuse_shared
from secconsole.domain.errors import Conflict, Invalid, Unavailable
from secconsole.domain.text import visible
from secconsole.operations.caller import StoreOwner
from secconsole.service.context import when
from secconsole.service.maintenance import owner_context, record_restore
from secconsole.store.audit_log.seen_heads import file_of, replace_heads
from secconsole.store.copies.backup import Progress, copy_store_file, flush, words_of_errors, working_on
from secconsole.store.copies.restore import (
    Carried,
    Compared,
    Ended,
    beside,
    carry_over,
    compare,
    end_what_was_open,
    replace_content,
)
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import check_version
from secconsole.store.engine.queue import WriteQueue
from secconsole.store.sealing.key_change import retired_files
from secconsole.store.sealing.keys import KeyRing, load_key_file

USE_POSTGRES_TOOLS = (
    "A PostgreSQL database is restored with PostgreSQL's own tools: pg_restore, or base backups with archived WAL. "
    "Then run secconsole restore --after, before users sign in. See Restore in docs/operations.md."
)


@dataclass(frozen=True, slots=True)
class TenantRestored:
    """Audit of one tenant before and after a restore.

    `before`: the store's last entry, and `entry`: the backup's, 0 where the tenant did not exist. `lost`: the number of
    entries that only the store had, by their actions in `lost_actions`.
    """

    tenant: str
    before: int
    entry: int
    lost: int
    lost_from: datetime | None
    lost_until: datetime | None
    lost_actions: dict[str, int]


@dataclass(frozen=True, slots=True)
class Restored:
    """Result of a restore, or with `done=False` what it would do.

    `kept`: the file with the store from before. The last numbers are revocations since the backup that stay in effect.
    """

    file: str
    store: str
    done: bool
    backup_at: datetime
    schema: str
    key: str
    tenants: tuple[TenantRestored, ...]
    at: datetime | None = None
    kept: str = ""
    sessions_ended: int = 0
    sign_ins_ended: int = 0
    tokens_ended: int = 0
    messages_void: int = 0
    factors: int = 0
    kept_tokens_ended: int = 0
    kept_recovery_codes_used: int = 0
    kept_users_disabled: int = 0

    @property
    def lost(self) -> int:
        """The number of audit entries that are gone, of all tenants."""
        return sum(tenant.lost for tenant in self.tenants)


@dataclass(frozen=True, slots=True)
class Restoring:
    """Backup that is ready to replace the store."""

    place: StorePlace
    database: Path
    file: Path
    owner: StoreOwner
    keys: KeyRing
    staged: Staged
    clock: Callable[[], float]

    def preview(self) -> Restored:
        """Return what the restore would do now."""
        with self._compared() as found:
            return self._result(found, done=False)

    def carry_out(self, *, end_tokens: bool = False, progress: Progress = lambda done, total: None) -> Restored:
        """Replace the content of the store while nobody else can write."""
        now = int(self.clock() * 1000)
        done = self._replace(now, end_tokens, progress) if self.database.exists() else self._install(now, end_tokens)
        with closing(open_file(self.database)) as store:
            store.read(lambda connection: replace_heads(connection, file_of(self.place.key))).result()
        return done

    def _replace(self, now: int, end_tokens: bool, progress: Progress) -> Restored:
        # In the store's own queue, so consoles and servers wait for a moment and do not fail.
        with words_of_errors(), closing(WriteQueue(self.database)) as queue, queue.turn():
            with self._compared() as found:
                pass
            kept = self._keep(now)
            ended, carried = self._finish(now, found, end_tokens, self.database)
            replace_content(self.database, self.staged.path, progress)
        return self._result(found, True, now, ended, carried, str(kept))

    def _install(self, now: int, end_tokens: bool) -> Restored:
        """Rename the copy to the store, unless a store exists."""
        found = {item.saved.tenant_id: item for item in self._alone() if item.saved}
        ended, _ = self._finish(now, found, end_tokens, None)
        with words_of_errors():
            for suffix in ("-wal", "-shm"):  # of a lost store: SQLite would mix them into this one
                left = self.database.with_name(self.database.name + suffix)
                with suppress(FileNotFoundError):
                    os.rename(left, left.with_name(f"{left.name}.{_stamp(now)}"))
            # The content first, then the name: after a loss of power there is a whole store or none.
            flush(self.staged.path)
            try:
                os.link(self.staged.path, self.database)
            except FileExistsError:
                raise Conflict(f"There is a store at {self.database} by now. Nothing was replaced.") from None
            flush(self.database.parent)
        return self._result(found, True, now, ended)

    def _finish(
        self, now: int, found: dict[str, Compared], end_tokens: bool, present: Path | None
    ) -> tuple[dict[int, Ended], Carried]:
        """Make the last changes to the copy: they depend on the store's last moment."""
        with beside(self.staged.path, present) as connection:
            carried = carry_over(connection, now) if present is not None else Carried()
            ended = end_what_was_open(connection, now, end_tokens=end_tokens)
            context = owner_context(connection, self.keys, self.owner, now / 1000)
            record_restore(context, found, ended, self.staged.at)
        return ended, carried

    def _keep(self, now: int) -> Path:
        """Copy the store as it is to a file beside it, in case that the restore was a mistake."""
        kept = self.database.with_name(f"before-restore-{_stamp(now)}.db")
        # Under another name until it is whole, so that an interrupted copy is not mistaken for the store.
        handle, name = tempfile.mkstemp(dir=kept.parent, prefix=f".{kept.name}-", suffix=".partial")
        os.close(handle)
        try:
            copy_store_file(self.database, Path(name), lambda done, total: None)
            os.replace(name, kept)
        finally:
            Path(name).unlink(missing_ok=True)
        flush(kept.parent)
        return kept

    @contextmanager
    def _compared(self) -> Iterator[dict[str, Compared]]:
        if not self.database.exists():
            yield {item.saved.tenant_id: item for item in self._alone() if item.saved}
            return
        with closing(open_file(self.database)) as store, working_on(self.staged.path) as saved:
            items = store.read(lambda present: compare(present, saved)).result()
        yield {(item.saved or item.present).tenant_id: item for item in items}  # type: ignore[union-attr]

    def _alone(self) -> list[Compared]:
        with working_on(self.staged.path) as saved:
            return compare(None, saved)

    def _result(
        self,
        found: dict[str, Compared],
        done: bool,
        now: int | None = None,
        ended: dict[int, Ended] | None = None,
        carried: Carried = Carried(),  # noqa: B008 - immutable
        kept: str = "",
    ) -> Restored:
        each = list((ended or {}).values())
        return Restored(
            str(self.file),
            str(self.database),
            done,
            when(self.staged.at),
            self.staged.schema,
            self.staged.key,
            tuple(_tenant(item) for item in found.values()),
            when(now) if now is not None else None,
            kept,
            sum(one.sessions for one in each),
            sum(one.sign_ins for one in each),
            sum(one.tokens for one in each),
            sum(one.messages for one in each),
            sum(one.factors for one in each),
            carried.tokens,
            carried.recovery_codes,
            carried.users,
        )


@contextmanager
def restoring(
    place: StorePlace,
    file: Path,
    *,
    key_file: Path | None = None,
    progress: Progress = lambda done, total: None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Restoring]:
    """Copy, check and migrate a backup, so that it is ready to replace the store.

    Raises `Conflict` for a backup of another store and while a rotation runs, `Invalid` for a PostgreSQL database, and
    `Unavailable` for a file, key or store that cannot be used. Nothing of the store was changed then.
    """
    if not isinstance(place.database, Path):
        raise Invalid(USE_POSTGRES_TOOLS, "store")
    database, source = place.database, file.expanduser().absolute()
    owner = require_key_owner(place)
    if not source.is_file():
        raise Unavailable(f"There is no backup at {visible(str(source))}.")
    if database.exists() and os.path.samefile(source, database):
        raise Invalid("That is the store itself. Name a backup of it.", "file")
    refuse_shared(source, os.stat(source))
    keys = load_key_file(place.key)
    for more in (*((key_file,) if key_file else ()), *retired_files(place.key)):  # the first of an id counts
        keys.add(more)
    with store_locked(place), words_of_errors():
        inner, key = _present_key(place, database)
        with stage(source, database.parent, keys, inner, key or keys.current, progress) as staged:
            yield Restoring(place, database, source, owner, keys, staged, clock)


def _present_key(place: StorePlace, database: Path) -> tuple[bytes | None, str]:
    """Return the present store's own key and the id of the key that it is sealed with, or nothing without a store."""
    if not database.exists():
        return None, ""
    try:
        with closing(open_file(database)) as store:
            if not store.read(check_version).result():
                raise Unavailable(
                    "The store is older than this secconsole. Open it with this version first, so that it is migrated."
                )
            ring, current = opening_keys(place, store)
            inner = ring.inner_of(store.read(_inner).result())
    except Unavailable as error:
        if "damaged" not in error.message and "not a secconsole store" not in error.message:
            raise
        raise Unavailable(
            f"{error.message} To restore in its place: stop everything that uses it, move {database.name}* to another "
            "folder, and run the same command again."
        ) from None
    return inner, current


def _inner(connection: sa.Connection) -> bytes:
    return fact(connection, INNER_KEY) or b""


def _tenant(found: Compared) -> TenantRestored:
    lost = found.entries_lost
    return TenantRestored(
        found.tenant,
        found.present.seq if found.present else 0,
        found.saved.seq if found.saved else 0,
        lost,
        when(found.lost_from) if lost and found.lost_from else None,
        when(found.lost_until) if lost and found.lost_until else None,
        dict(found.lost) if lost else {},
    )


def _stamp(now: int) -> str:
    return f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d-%H%M%S}"
