"""Two servers on one PostgreSQL database, each a process with a separate home, as on two machines."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.http import HttpBackend
from secconsole.backends.owner import owner_here
from secconsole.backends.postgres import create_in_postgres, open_postgres
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, VerifyCode
from secconsole.operations.signin import SignIn
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.wire import to_request
from secconsole.store.postgres.address import parse_database_url
from tests.organisation import PASSWORD, ROOT, TENANT, cheap_passwords, seed_of
from tests.server.serving import Server, serving

ANSWER = 30.0  # seconds
_LONG_AGO = 120  # seconds before now at which phones are bound: their codes of now are fresh, and no clock jumps


@dataclass
class TwoServers:
    """Tenant `acme`, whose administrator `root` has a session. `owner` uses the same database without a server."""

    dsn: str
    owner: EmbeddedBackend
    servers: list[Server]
    sockets: list[Path]
    clients: list[httpx.AsyncClient]
    root: Bearer = field(init=False)
    seeds: dict[str, Secret[bytes]] = field(default_factory=dict)

    async def ask(
        self,
        number: int,
        operation: Operation[object],
        who: Credential | None = None,
        key: str = "",
    ) -> httpx.Response:
        """Return the reply of server 0 or 1 to an operation of `root` or another user."""
        who = who or self.root
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        if isinstance(who, Bearer):
            headers["authorization"] = f"Bearer {who.token.reveal()}"
        request = to_request(operation)
        return await self.clients[number].request(
            request.method, request.path, params=list(request.query), content=request.body, headers=headers
        )

    async def sign_in(self, number: int, login: str) -> Bearer:
        """Return a session of a server for a user with the common password and no factor."""
        answer = await self.ask(number, SignIn(tenant=TENANT, login=login, password=PASSWORD), Nobody())
        return Bearer(Secret(answer.json()["token"]))

    async def add(self, logins: Iterable[str]) -> None:
        """Users with the common password."""
        lines = tuple(NewUser(line, login, password=PASSWORD) for line, login in enumerate(logins, 1))
        imported = await self.owner.perform(ImportUsers(tenant=TENANT, users=lines))
        assert not imported.rejected

    async def bind(self, logins: Iterable[str]) -> None:
        """Give each of these users a phone."""
        for login in logins:
            started = await self.owner.perform(EnrollFactor(tenant=TENANT, user=login))
            self.seeds[login] = seed_of(started.key)
            code = Secret(code_for_step(self.seeds[login], time_step(_before())))
            confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code)
            assert (await self.owner.perform(confirm)).accepted

    def verify(self, login: str, step: int) -> VerifyCode:
        """Verify the code of a user's phone at a time step."""
        return VerifyCode(tenant=TENANT, user=login, code=Secret(code_for_step(self.seeds[login], step)))

    @asynccontextmanager
    async def console(self, number: int) -> AsyncIterator[HttpBackend]:
        """Yield a console's backend for a server."""
        backend = HttpBackend(f"unix:{self.sockets[number]}", self.root)
        try:
            yield backend
        finally:
            await backend.close()


@asynccontextmanager
async def two_servers(dsn: str) -> AsyncIterator[TwoServers]:
    """Make an organisation in an empty database and start two servers on it."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_short_folder())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        homes = [folder / "one", folder / "two"]
        patch.setenv("SECCONSOLE_HOME", str(homes[0]))
        address = parse_database_url(dsn)
        await create_in_postgres(address, tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords())
        shutil.copytree(homes[0], homes[1])
        servers, sockets, clients = [], [], []
        for home in homes:
            patch.setenv("SECCONSOLE_HOME", str(home))
            sockets.append(home / "api.sock")
            servers.append(stack.enter_context(serving(home, "--listen", f"unix:{sockets[-1]}", "--store", dsn)))
            transport = httpx.AsyncHTTPTransport(uds=str(sockets[-1]), verify=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=ANSWER)
            clients.append(await stack.enter_async_context(client))
        owner = await open_postgres(address, owner_here(), "command", clock=_before, passwords=cheap_passwords())
        stack.push_async_callback(owner.close)
        made = TwoServers(dsn, owner, servers, sockets, clients)
        made.root = await made.sign_in(0, ROOT)
        yield made


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A folder in which the paths of sockets are short enough."""
    with tempfile.TemporaryDirectory(prefix="secconsole-two-", dir="/tmp") as name:
        yield Path(name)


def _before() -> float:
    return time.time() - _LONG_AGO
