"""A number entered by an administrator and proved by its user's sign-in, in two terminals of 80×24."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.backends.embedded import open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import store_owner
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import ConfirmDelivery, SetTwilio, TryDelivery
from secconsole.operations.policy import SetPolicy
from secconsole.operations.users import CreateUser, ShowUser, UserDetail
from tests.delivery.post import digits_in, prefix_in
from tests.delivery.servers import Servers
from tests.delivery.twilio_fake import SID, TOKEN
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


@pytest.fixture
def home(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a store with root and newton, who have no factors and need none, and SMS by a fake Twilio."""
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))

    async def make() -> None:
        await create_store(tenant="acme", admin="root", password=Secret(password("root")))
        backend = await open_embedded(store_owner() or Nobody(), "command")
        try:
            newton = CreateUser(
                tenant="acme",
                login="newton",
                name="Newton Abbot",
                email="newton@acme.example",
                password=Secret(password("newton")),
            )
            await backend.perform(newton)
            settings = SetTwilio(
                tenant="acme",
                account_sid=SID,
                auth_token=Secret(TOKEN),
                sender="+15005550006",
                base_url=servers.twilio.url,
            )
            await backend.perform(settings)
            await backend.perform(TryDelivery(tenant="acme", kind=FactorKind.SMS, to="+15005550001"))
            backend.delivery_worker.wake()
            await asyncio.wait_for(backend.delivery_worker.wait_idle(), 20)
            code = digits_in(servers.twilio.text())
            assert (await backend.perform(ConfirmDelivery(tenant="acme", code=code))).accepted
            await backend.perform(SetPolicy(tenant="acme", mode=PolicyMode.OPTIONAL, whitelist_admins=False))
        finally:
            await backend.close()

    asyncio.run(make())
    return home


def password(login: str) -> str:
    return f"{login} has a long password"


def signing_in(term: Start, home: Path, login: str) -> Term:
    t = term("-m", "secconsole", env={"SECCONSOLE_HOME": str(home)}, cols=80, rows=24)
    assert t.wait_text("Password", 20), t.text()
    t.wait_quiet(0.3, 5)
    t.send(f"{login}\t{password(login)}\r")
    return t


def test_a3_an_entered_number_is_verified_by_the_next_sign_in(term: Start, home: Path, servers: Servers) -> None:
    t = signing_in(term, home, "root")
    assert t.wait_text("no e-mail address", 20), t.text()
    t.press("escape")
    assert t.wait_text("no e-mail address", 5, gone=True), t.text()
    t.send("2")
    assert t.wait_text("2 users", 10), t.text()
    t.send("/newton\r")
    assert t.wait_text("1 of 2 users.*newton.*unbound", 10), t.text()
    t.send("e2")
    assert t.wait_text("For Newton Abbot: their own number", 10), t.text()
    t.send("+15005550009\r")
    assert t.wait_text("Ask for it at the next sign-in", 10), t.text()
    t.send("\x1b[C\r")  # the Enter that sent the number does not confirm this as well
    assert t.wait_text("newton.*pending.*required.*sms", 10), t.text()
    t.press("enter")
    assert t.wait_text("SMS to ••• 009 +◐ not verified", 10), t.text()
    assert not t.find("5550009")
    t.close()

    t = signing_in(term, home, "newton")
    assert t.wait_text("1 +Text message to ••• 009", 20), t.text()
    t.send("1")
    assert t.wait_until(lambda _: len(servers.twilio.messages) == 2, 10), t.text()
    assert t.wait_text(prefix_in(servers.twilio.text()), 10), t.text()
    t.send(digits_in(servers.twilio.text()).reveal() + "\r")
    assert t.wait_text("SMS ••• 009 +added just now", 20), t.text()

    async def shown() -> UserDetail:
        backend = await open_embedded(store_owner() or Nobody(), "command")
        try:
            return await backend.perform(ShowUser(tenant="acme", user="newton"))
        finally:
            await backend.close()

    detail = asyncio.run(shown())
    assert (detail.user.status, [f.state for f in detail.factors]) == (BindingStatus.BOUND, [FactorState.ACTIVE])
