"""Start of the agent, on the store of this machine or in front of a server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from secconsole.backends.demo.inbox import is_demo
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.stores import open_store, parse_store
from secconsole.config.contexts import NamedContext
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody
from secconsole.pam.agent import Agent, AgentOptions
from secconsole.pam.client import CHANNEL, Embedded, Remote


async def run(options: AgentOptions, target: NamedContext, store: str, *, demo: bool, only_check: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, or with `only_check` return as soon as it could.

    Raise `Unavailable` if the store or the socket cannot be opened.
    """
    if target.backend:
        ca_file = Path(target.ca_file) if target.ca_file else None
        agent = Agent(options, lambda address: Remote(target.backend, ca_file, address))
        await (agent.check() if only_check else agent.run())
        return
    place = parse_store(store)
    backend = await open_store(place, Nobody(), CHANNEL)
    try:
        if not demo and await _is_demo(backend):
            raise Unavailable(f"{place} is a demo's store, whose passwords are public. To use it anyway, add --demo")
        agent = Agent(options, lambda address: Embedded(backend, address))
        if only_check:
            await agent.check()
            return
        backend.delivery_worker.stay()
        backend.alert_worker.stay()
        await agent.run()
    finally:
        await backend.close()


async def _is_demo(backend: EmbeddedBackend) -> bool:
    return await asyncio.wrap_future(backend.store.read(lambda connection: is_demo(connection, backend.keys)))
