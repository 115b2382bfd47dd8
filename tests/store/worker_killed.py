"""A process that ends itself by a signal at its nth call of the database, a commit counting as two."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from secconsole.backends.maintenance import rotation
from secconsole.backends.maintenance.restore import restoring
from secconsole.backends.stores import parse_store
from secconsole.config.password_file import PasswordFile
from secconsole.config.private import create_private
from secconsole.domain.helpdesk import PasswordChange
from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.factors import ConfirmFactor
from secconsole.operations.incident import EndTenantSessions, FreezeSignIns
from secconsole.operations.jobs import AdvanceJob
from secconsole.operations.password_list import drive_listed, end_words
from secconsole.operations.policy import SetPolicy
from secconsole.operations.reset import ResetUser
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.store.copies import backup
from secconsole.store.engine import migrate as migrations
from secconsole.store.engine.sqlite import SqliteStore
from tests.organisation import TENANT
from tests.store.driver import hooked
from tests.store.looking import database
from tests.store.worker_calls import opened


def operation_named(name: str, *facts: str) -> Operation[Any]:
    match name:
        case "unbind":
            return Unbind(tenant=TENANT, users=("ana", "ben", "cid"), reason="lost on a journey", ticket="T-1")
        case "reset":
            return ResetUser(
                tenant=TENANT, user="ana", reason="lost on a journey", password=PasswordChange.SHOW, bypass=30
            )
        case "set-policy":
            return SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=3)
        case "import":
            new = tuple(NewUser(i, f"new{i}", name=f"New {i}", role="helpdesk") for i in range(3))
            return ImportUsers(tenant=TENANT, users=(*new, NewUser(9, "ana", name="Ana Updated", role="auditor")))
        case "confirm":
            enrollment, code = facts
            return ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=Secret(code))
        case "freeze":
            return FreezeSignIns(tenant=TENANT, reason="stolen passwords")
        case "end-sessions":
            return EndTenantSessions(tenant=TENANT)
        case "job":
            return AdvanceJob(tenant=TENANT, job=facts[0], most=2)
        case _:
            raise ValueError(name)


def end_again_and_again(home: Path, pipe: Connection, what: str, facts: tuple[str, ...], now: float) -> None:
    """Run `what` for every received number and signal in a process that ends there, and send its exit code."""
    if what in ("migrate", "open"):
        know_migrations(*facts)
    while (message := pipe.recv()) is not None:
        number, ending = message
        child = os.fork()
        if child == 0:
            if ending is not signal.SIGKILL:
                signal.signal(ending, signal.SIG_DFL)  # under nohup a hang-up would be ignored
            end = Ending(number, ending)
            if what == "migrate":
                _migrate(home, end)
            elif what == "open":
                asyncio.run(_open(now, end))
            elif what == "rotate":
                _rotate(now, end)
            elif what == "listed-job":
                asyncio.run(_drive_listed(Path(f"{facts[1]}.{number}"), facts[0], now, end))
            elif what == "restore":
                _restore(Path(facts[0]), now, end)
            else:
                asyncio.run(_operate(operation_named(what, *facts), now, end))
            os._exit(0)
        pipe.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


class Ending:
    """Ends this process by a signal at the nth call."""

    def __init__(self, number: int, ending: signal.Signals) -> None:
        self._left, self._ending = number, ending
        self.armed = False

    def __call__(self) -> None:
        self._left -= self.armed
        if self.armed and self._left == 0:
            os.kill(os.getpid(), self._ending)
            signal.pause()  # another thread may be the one that the signal is delivered to


async def _operate(operation: Operation[Any], now: float, end: Ending) -> None:
    with hooked(end, after_commit=end):
        backend = await opened(now)
        end.armed = True
        await backend.perform(operation)
        await backend.close()


async def _drive_listed(path: Path, job: str, now: float, end: Ending) -> None:
    """Drive a job with a list, where the writes to its file count as calls too."""
    with hooked(end, after_commit=end):
        backend = await opened(now)
        list_ = PasswordFile(path, create_private(path), TENANT, datetime.fromtimestamp(now, UTC))
        end.armed = True
        fsync = os.fsync

        def counted(handle: int) -> None:
            end()  # written, and not flushed
            fsync(handle)
            end()

        os.fsync = counted
        async for step in drive_listed(backend.perform, TENANT, job, list_):
            last = step
        await list_.end(end_words(last))
        await backend.close()


def know_migrations(scripts: str, current: str) -> None:
    """Take the migrations of a folder for ours, and load all that they need."""
    migrations.SCRIPTS, migrations.CURRENT = scripts, current
    with sa.create_engine("sqlite://").begin() as connection:
        migrations.migrate(connection)


async def _open(now: float, end: Ending) -> None:
    end.armed = True
    with hooked(end, after_commit=end):
        await (await opened(now)).close()


def _rotate(now: float, end: Ending) -> None:
    rotation.PORTION = 2
    end.armed = True
    with hooked(end, after_commit=end):
        rotation.rotate(parse_store(""), clock=lambda: now)


def _restore(file: Path, now: float, end: Ending) -> None:
    backup._PAGES = 20
    end.armed = True
    with hooked(end, after_commit=end), restoring(parse_store(""), file, clock=lambda: now) as ready:
        ready.carry_out(progress=lambda done, total: end())


def _migrate(home: Path, end: Ending) -> None:
    end.armed = True
    with hooked(end, after_commit=end):
        store = SqliteStore(database(home))
        store.write(migrations.migrate).result()
        store.close()
