"""A small organisation on a real store in a temporary home, with a clock that tests move."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import uvicorn

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.http import HttpBackend
from secconsole.backends.new_store import create_store
from secconsole.backends.postgres import create_in_postgres, open_postgres
from secconsole.backends.stores import StorePlace, parse_store
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.token_bucket import Rate
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody, Source, StoreOwner
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.signin import SignIn, SignInAnswer, VerifySignIn
from secconsole.operations.step_up import NO_CODE, StepUp
from secconsole.operations.users import CreateUser
from secconsole.server.app import make_app
from secconsole.service.factors.passwords import Passwords
from secconsole.store.postgres.address import parse_database_url
from tests.cheap_passwords import LEAST
from tests.postgres import Cluster

R = TypeVar("R")

TENANT = "acme"
ROOT = "root"
PASSWORD = Secret("correct horse battery staple")
SOCKET = "api.sock"
OWNER = StoreOwner("jane")  # in place of the name of the user who runs the tests
NEVER_MIND = Rate(10**6, 10**6)  # the server's limit for one origin, which tests of sign-ins exceed
START = 1_800_000_000.0


@dataclass
class Clock:
    """Clock with the seconds since the epoch, which only tests move."""

    now: float = START

    def __call__(self) -> float:
        return self.now

    def forward(self, *, seconds: float = 0, minutes: float = 0, days: float = 0) -> None:
        self.now += seconds + minutes * 60 + days * 86_400


def cheap_passwords() -> Passwords:
    """The same hashing at the least cost, so that tests are quick."""
    return Passwords(**LEAST)


@dataclass
class Organisation:
    """A tenant `acme` with a platform administrator `root`. `people` adds users, `bind` gives them a phone."""

    home: Path
    backend: EmbeddedBackend
    clock: Clock
    over_http: bool = False
    place: StorePlace | None = None
    front: HttpBackend | None = None
    seeds: dict[str, Secret[bytes]] = field(default_factory=dict)

    async def perform(self, operation: Operation[R], credential: Credential | None = None) -> R:
        """Perform an operation as the store's owner or another user."""
        owner = self.backend.credential
        if credential is None:
            return await self.backend.perform(operation)
        if self.over_http:
            return await self._ask_server(operation, credential)
        self.backend.credential = credential
        try:
            return await self.backend.perform(operation)
        finally:
            self.backend.credential = owner

    async def _ask_server(self, operation: Operation[R], credential: Credential) -> R:
        """The same by way of a real server on a socket, and the client that consoles use."""
        if self.front is None:
            self.front = HttpBackend(f"unix:{self.home / SOCKET}", credential)
        self.front.credential = credential
        return await self.front.perform(operation)

    async def add(self, login: str, role: Role = Role.USER, *, name: str = "", email: str = "") -> None:
        """A user with the common password."""
        await self.perform(CreateUser(tenant=TENANT, login=login, role=role, name=name, email=email, password=PASSWORD))

    async def bind(self, login: str) -> Secret[bytes]:
        """Bind a confirmed authenticator, and move the clock past the step that confirmed it."""
        started = await self.perform(EnrollFactor(tenant=TENANT, user=login))
        self.seeds[login] = seed_of(started.key)
        verdict = await self.perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=self.code(login)))
        assert verdict.accepted
        self.clock.forward(seconds=30)
        return self.seeds[login]

    def code(self, login: str, steps: int = 0) -> Secret[str]:
        """Return the code of a user's phone, now or so many steps from now."""
        return Secret(code_for_step(self.seeds[login], time_step(self.clock.now) + steps))

    @staticmethod
    def password(login: str) -> str:
        """Return the password that users have by default."""
        return PASSWORD.reveal()

    async def start(self, login: str, password: Secret[str] = PASSWORD) -> SignInAnswer:
        """The first step of a sign-in."""
        return await self.perform(SignIn(tenant=TENANT, login=login, password=password), Nobody())

    async def sign_in(self, login: str) -> Bearer:
        """Sign in completely, with the phone if required, and move the clock past the used step."""
        answer = await self.start(login)
        if answer.status is SignInStatus.SECOND_FACTOR:
            assert answer.challenge is not None
            verify = VerifySignIn(challenge=answer.challenge, factor="", code=self.code(login))
            answer = await self.perform(verify, Nobody())
            self.clock.forward(seconds=30)
        assert answer.status is SignInStatus.COMPLETE, answer
        assert answer.token is not None
        return Bearer(answer.token)

    async def prove(self, who: Credential, code: Secret[str] = NO_CODE) -> Bearer:
        """Prove password and factor again, and return the new credential."""
        proof = await self.perform(StepUp(password=PASSWORD, code=code), who)
        assert proof.accepted, proof.message
        assert proof.token is not None
        return Bearer(proof.token)

    async def reopen(self) -> None:
        """Close the store and open it again, as after a restart."""
        await self.backend.close()
        self.backend = await open_store(self.clock, self.place)


def seed_of(key: Secret[str]) -> Secret[bytes]:
    """The seed behind a key as a person would type it into their phone."""
    text = key.reveal()
    return Secret(base64.b32decode(text + "=" * (-len(text) % 8)))


async def open_store(clock: Clock, place: StorePlace | None = None) -> EmbeddedBackend:
    if place is not None and not isinstance(place.database, Path):
        return await open_postgres(place.database, OWNER, "command", clock=clock, passwords=cheap_passwords())
    return await open_embedded(OWNER, "command", clock=clock, passwords=cheap_passwords())


class _Current:
    """Whatever store the organisation has open now: the server outlives its reopening."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        return await self._organisation.backend.perform_as(operation, credential, source)

    def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[None]:
        return self._organisation.backend.changes_for(credential, source)

    async def is_ready(self) -> bool:
        return await self._organisation.backend.is_ready()


@asynccontextmanager
async def server_of(organisation: Organisation) -> AsyncIterator[None]:
    """A real server on a UNIX socket, in this event loop so that it shares the clock."""
    app = make_app(_Current(organisation), refused=NEVER_MIND)
    config = uvicorn.Config(app, uds=str(organisation.home / SOCKET), log_config=None, lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield
    finally:
        await end(server, running)


async def end(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    """End a server in this event loop at once: its own end would be up to a fifth of a second away."""
    for listening in server.servers:
        listening.close()
    for connection in tuple(server.server_state.connections):
        connection.shutdown()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


_made: dict[str, bytes] = {}


async def make_store(home: Path) -> None:
    """Create a store in a home by copying a prepared one, which takes a tenth of the time."""
    if _made:
        home.mkdir(mode=0o700, exist_ok=True)
        for name, content in _made.items():
            (home / name).touch(mode=0o600)
            (home / name).write_bytes(content)
    else:
        await create_store(tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords())
        _made.update((path.name, path.read_bytes()) for path in home.iterdir())


def template_in(postgres: Cluster) -> str:
    """Return a template database with a new organisation, created once, whose key is in the cluster's folder."""

    def fill(dsn: str) -> None:
        home = postgres.folder / "home"
        before = os.environ.get("SECCONSOLE_HOME")
        os.environ["SECCONSOLE_HOME"] = str(home)
        try:
            made = create_in_postgres(
                parse_database_url(dsn), tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords()
            )
            # In a separate event loop, as a fixture may be requested within a running one.
            ThreadPoolExecutor(1).submit(asyncio.run, made).result()
        finally:
            os.environ.pop("SECCONSOLE_HOME")
            if before is not None:
                os.environ["SECCONSOLE_HOME"] = before

    return postgres.template("organisation", fill)


def copy_key(postgres: Cluster, home: Path) -> None:
    """Put the template's key into a home, as on every server of one database."""
    home.mkdir(mode=0o700, exist_ok=True)
    key = home / "master.key"
    key.write_bytes((postgres.folder / "home" / "master.key").read_bytes())
    key.chmod(0o600)


@asynccontextmanager
async def organisation_in(
    home: Path, *, over_http: bool = False, postgres: Cluster | None = None
) -> AsyncIterator[Organisation]:
    """Make an organisation in a home (SECCONSOLE_HOME must point there) and close it at the end."""
    async with AsyncExitStack() as stack:
        place = None
        if postgres is None:
            await make_store(home)
        else:
            place = parse_store(await stack.enter_async_context(postgres.reused(template_in(postgres))))
            copy_key(postgres, home)
        yield await stack.enter_async_context(_opened(home, over_http, place))


@asynccontextmanager
async def _opened(home: Path, over_http: bool, place: StorePlace | None) -> AsyncIterator[Organisation]:
    clock = Clock()
    made = Organisation(home, await open_store(clock, place), clock, over_http, place)
    try:
        async with server_of(made) if over_http else nullcontext():
            yield made
            if made.front is not None:
                await made.front.close()
    finally:
        await made.backend.close()
