"""A process that uses everything that creates or opens files, and reports each."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncGenerator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from secconsole.backends.demo.people import TENANT
from secconsole.backends.new_store import create_store
from secconsole.config.report import write_report
from secconsole.domain.errors import SecconsoleError
from secconsole.operations.user_changes import DisableUser, EnableUser
from secconsole.operations.users import CountUsers
from tests.cli.conftest import Shell
from tests.organisation import PASSWORD, cheap_passwords
from tests.store.worker_calls import opened

STORE_FILES = ("console.db", "console.db-wal", "console.db-shm", "console.db-journal")


def use_everything(home: Path, pipe: Connection, umask: int) -> None:
    """Send the mode of every file and folder created under a umask, then how we opened the store's own files."""
    os.umask(umask)
    by_us: list[tuple[str, int]] = []

    def note(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            path = os.fsdecode(args[0])
            if os.path.basename(path) in STORE_FILES:
                by_us.append((os.path.basename(path), int(str(args[2]))))

    sys.addaudithook(note)
    shell = Shell(home)
    accounts = shell.json("demo", "--no-open", "--home", str(home), "--users", "20")["accounts"]
    login = next(account["login"] for account in accounts if account["role"] == "user")
    asyncio.run(_open_and_look(home, pipe, login))
    assert shell("doctor").code in (0, 1)
    assert shell("user", "create", "zoe", "--password-stdin", input=f"{PASSWORD.reveal()}\n").code == 0
    assert shell("whitelist", "add", "zoe", "--reason", "starts on Monday").code == 0
    answer = shell("sign-in", "zoe", "--tenant", TENANT, input=f"{PASSWORD.reveal()}\n")
    assert answer.code == 0, answer.err
    assert shell("context", "add", "lab", "https://mfa.example.com").code == 0
    assert write_report(ValueError("x"), 0.0) is not None
    pipe.send(_modes(home))
    pipe.send(by_us)


def make_store(home: Path, pipe: Connection, admin: str) -> None:
    """Create a store at the same time as others, and send whether it was created."""
    passwords = cheap_passwords()
    pipe.send("ready")
    pipe.recv()
    try:
        asyncio.run(create_store(tenant=admin, admin=admin, password=PASSWORD, passwords=passwords))
    except SecconsoleError as error:
        pipe.send(error.code)
    else:
        pipe.send("made")


async def _open_and_look(home: Path, pipe: Connection, login: str) -> None:
    """Open a store and report its files, including log and shared memory."""
    backend = await opened(1_900_000_000.0)
    changes = backend.changes()
    waiting = asyncio.ensure_future(anext(changes))
    await backend.perform(CountUsers(tenant=TENANT))
    await backend.perform(DisableUser(tenant=TENANT, user=login))
    pipe.send(_modes(home))
    while not waiting.done():  # a change made before it listens is no change to it
        await backend.perform(EnableUser(tenant=TENANT, user=login))
        await backend.perform(DisableUser(tenant=TENANT, user=login))
        await asyncio.wait({waiting}, timeout=1)
    await waiting
    await cast(AsyncGenerator[None], changes).aclose()
    await backend.close()


def _modes(home: Path) -> dict[str, int]:
    found = {".": stat.S_IMODE(home.stat().st_mode), "..": stat.S_IMODE(home.parent.stat().st_mode)}
    return found | {str(path.relative_to(home)): stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
