"""An organisation of a few people in a temporary store, a clock to move, and consoles signed in to it."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from textual.app import App
from textual.pilot import Pilot

from secconsole.backends.base import Backend
from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.new_store import create_store
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.users import CreateUser
from secconsole.service.factors.passwords import Passwords
from secconsole.tui.app import SecConsole
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.widgets.table import WindowedTable
from tests.cheap_passwords import LEAST
from tests.delivery.post import Post, post_for
from tests.organisation import OWNER
from tests.tui import style_sheets
from tests.tui.front import Front

TENANT = "acme"
START = 1_800_000_000.0  # 15 Jan 2027 08:00 UTC
TURN = 0.005  # seconds

style_sheets.share()


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def at(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def forward(self, seconds: float) -> None:
        self.now += seconds

    def next_code(self) -> None:
        """To where no code that was used so far is still in the window."""
        self.now += 60


@dataclass
class Organisation:
    """`acme`, where root, tomas, hana, aida, uma and bob are bound, newton and nina are not, and policy is required.

    The password of each user is their login followed by ` has a long password`.
    """

    home: Path
    clock: Clock
    owner: EmbeddedBackend
    seeds: dict[str, Secret[bytes]] = field(default_factory=dict)
    tenant: str = TENANT

    @property
    def backend(self) -> EmbeddedBackend:
        return self.owner

    @staticmethod
    def password(login: str) -> str:
        return f"{login} has a long password"

    def code(self, login: str, steps: int = 0) -> str:
        """The code that a person's phone shows now, or some steps later."""
        return code_for_step(self.seeds[login], time_step(self.clock.now) + steps)

    async def perform(self, operation: Any) -> Any:
        """Do something as the owner of the store, as another console or a command would."""
        return await self.owner.perform(operation)

    async def bind(self, login: str) -> None:
        """Bind a phone whose seed is then known."""
        started = await self.perform(EnrollFactor(tenant=TENANT, user=login))
        key = started.key.reveal().replace(" ", "")
        self.seeds[login] = Secret(base64.b32decode(key + "=" * (-len(key) % 8)))
        code = Secret(self.code(login))
        verdict = await self.perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code))
        assert verdict.accepted
        self.clock.next_code()

    async def open(self, credential: Credential | None = None) -> EmbeddedBackend:
        """Another process on the same store."""
        return await open_embedded(credential or Nobody(), "console", clock=self.clock, passwords=cheap())

    async def signed_in(self, login: str) -> EmbeddedBackend:
        """A backend that acts as a person who has just signed in."""
        backend = await self.open()
        answer = await backend.perform(SignIn(tenant=TENANT, login=login, password=Secret(self.password(login))))
        if answer.challenge is not None:
            code = Secret(self.code(login))
            answer = await backend.perform(
                VerifySignIn(challenge=answer.challenge, factor=answer.factors[0].id, code=code)
            )
            self.clock.next_code()
        assert answer.token is not None, answer
        backend.credential = Bearer(answer.token)
        return backend


def cheap() -> Passwords:
    """Hashing that takes no time."""
    return Passwords(**LEAST)


PEOPLE = (
    ("tomas", "Tomáš Dvořák", Role.TENANT_ADMIN, True),
    ("hana", "Hana Králová", Role.HELPDESK, True),
    ("aida", "Aida Haddad", Role.AUDITOR, True),
    ("uma", "Uma Iyer", Role.USER, True),
    ("bob", "Bob Novak", Role.USER, True),
    ("newton", "Newton Abbot", Role.USER, False),
    ("nina", "Nina Berg", Role.USER, False),
)


async def _fill(made: Organisation) -> None:
    await made.bind("root")
    for login, name, role, bound in PEOPLE:
        await made.perform(
            CreateUser(
                tenant=TENANT,
                login=login,
                name=name,
                email=f"{login}@acme.example",
                role=role,
                password=Secret(Organisation.password(login)),
            )
        )
        if bound:
            await made.bind(login)
    await made.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=False))


async def _opened(home: Path) -> Organisation:
    clock = Clock()
    owner = await open_embedded(OWNER, "command", clock=clock, passwords=cheap())
    return Organisation(home, clock, owner)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """The organisation on a store that is closed already, to be copied: filling it takes longer than most tests."""
    home = tmp_path_factory.mktemp("filled") / "home"

    async def make() -> Organisation:
        password = Secret(Organisation.password("root"))
        await create_store(tenant=TENANT, admin="root", password=password, passwords=cheap())
        made = await _opened(home)
        await _fill(made)
        await made.owner.close()
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        return asyncio.run(make())


@pytest_asyncio.fixture
async def organisation(
    filled: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Organisation]:
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    shutil.copytree(filled.home, home)
    made = await _opened(home)
    made.clock.now = filled.clock.now
    made.seeds.update(filled.seeds)
    yield made
    await made.owner.close()


@pytest.fixture(scope="session", autouse=True)
def _short_pauses() -> Iterator[None]:
    """Shorten the 20 ms that Textual waits at least twice after each key, on which no test may depend."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004)
        yield


async def never() -> Backend:
    raise AssertionError("signed in already")


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Yield a real mail server and a fake Twilio, set up with a policy that allows every kind and requires one."""
    async with post_for(organisation) as made:
        await made.set_up()
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=False))
        yield made


class OpenConsole(Protocol):
    async def __call__(self, login: str, **options: Any) -> SecConsole: ...


@pytest_asyncio.fixture
async def front(organisation: Organisation) -> AsyncIterator[Front]:
    """A server in front of the organisation's store."""
    made = Front(organisation.owner, organisation.home)
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def remote(organisation: Organisation, front: Front) -> OpenConsole:
    """As `console`, over the server."""

    async def make(login: str, *, place: str = "", **options: Any) -> SecConsole:
        embedded = await organisation.signed_in(login)
        credential = embedded.credential
        await embedded.close()
        return SecConsole(
            Terminal(),
            opener=never,
            session=front.client(credential),
            first_place=place,
            local=False,
            clock=organisation.clock.at,
            **options,
        )

    return make


@pytest_asyncio.fixture
async def console(organisation: Organisation) -> AsyncIterator[OpenConsole]:
    """Open a signed-in console.

    Use it as `app = await console("hana")`, then `async with app.run_test(size=(80, 24)) as pilot`. Options such as
    `read_only=True` go to SecConsole. `place` is where it starts.
    """
    opened: list[Backend] = []

    async def make(login: str, *, place: str = "", **options: Any) -> SecConsole:
        backend = await organisation.signed_in(login)
        opened.append(backend)

        return SecConsole(
            Terminal(), opener=never, session=backend, first_place=place, clock=organisation.clock.at, **options
        )

    yield make
    for backend in opened:
        await backend.close()


@pytest_asyncio.fixture
async def signing_in(organisation: Organisation) -> AsyncIterator[Callable[..., SecConsole]]:
    """Open a console that begins with its sign-in screen.

    Use it as `app = signing_in(tenant="acme")`.
    """
    opened: list[Backend] = []

    def make(**options: Any) -> SecConsole:
        async def opener() -> Backend:
            backend = await organisation.open()
            opened.append(backend)
            return backend

        return SecConsole(Terminal(), opener=opener, clock=organisation.clock.at, **options)

    yield make
    for backend in opened:
        await backend.close()


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the app run until a condition holds and is drawn, or fail if it does not in time.

    The limit is counted in turns of the app, which are longer on a busy machine. Only once the condition holds, every
    widget must have handled what is queued: in each turn that would take more time than the app itself.
    """
    for _ in range(round(seconds / TURN)):
        if _drawn(pilot.app) and condition():
            await pilot.pause(0)
            if _drawn(pilot.app) and condition():  # a screen that has just opened composed its widgets meanwhile
                return
        await asyncio.sleep(TURN)
    raise AssertionError(f"it did not come to pass in time\n{screen_text(pilot.app)}")


def _drawn(app: App[Any]) -> bool:
    """Return True if the screen on top has been laid out, as a new one shows nothing yet."""
    return not app.is_running or (app.screen._compositor.size == app.size and not app.screen._layout_required)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until every key pressed is handled, the work it began with keys held is done, and rows are loaded."""
    app = pilot.app
    assert isinstance(app, SecConsole)

    def is_settled() -> bool:
        tables = app.screen.query(WindowedTable)
        return app.keys_settled and not app.keys_held and all(table.settled for table in tables)

    await pilot.pause()
    await until(pilot, is_settled)
    await pilot.pause()


def screen_text(app: App[Any]) -> str:
    """Return the text of the screen on top."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
