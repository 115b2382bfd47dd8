"""Processes that meet a full disk or read-only files, by limits of their own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.domain.errors import SecconsoleError
from secconsole.operations.users import CountUsers, CreateUser
from tests.cli.conftest import Shell
from tests.organisation import TENANT
from tests.store.looking import database
from tests.store.worker_calls import opened

_VERSION = 0x20080522  # linux/capability.h, _LINUX_CAPABILITY_VERSION_3
_PAST_PERMISSIONS = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def write_past_a_limit(home: Path, pipe: Connection, logins: Sequence[str], now: float) -> None:
    """Create users at once while files of this process may not grow, and again when they may, and send the replies."""

    async def all_at_once(backend: EmbeddedBackend) -> list[str]:
        return await asyncio.gather(*(created(backend, login) for login in logins))

    async def meet_the_limit() -> None:
        backend = await opened(now)
        await created(backend, "before")
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        log = database(home).with_name("console.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (log, most))
        pipe.send(await all_at_once(backend))
        pipe.send((await backend.perform(CountUsers(tenant=TENANT))).total)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        pipe.send(await all_at_once(backend))
        await backend.close()

    asyncio.run(meet_the_limit())


async def created(backend: EmbeddedBackend, login: str) -> str:
    try:
        await backend.perform(CreateUser(tenant=TENANT, login=login))
    except SecconsoleError as error:
        return f"{error.code} {error.exit_code}: {error.message}"
    return "created"


def run_commands(home: Path, pipe: Connection, commands: Sequence[Sequence[str]]) -> None:
    """Run the program as a user to whom file permissions apply, and send each exit code and standard error."""
    give_up_root_powers()
    shell = Shell(home)
    for command in commands:
        answer = shell(*command)
        pipe.send((answer.code, answer.err))


def give_up_root_powers() -> None:
    """Let file permissions hold for root too, in this process."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~_PAST_PERMISSIONS  # the effective ones
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
