"""A demo's mailbox and phone: they receive all that a demo sends, and nothing of any other store."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.backends.demo.accounts import demo_inbox
from secconsole.backends.demo.fill import create_demo
from secconsole.backends.demo.inbox import make_demo
from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import store_owner
from secconsole.backends.store_copy import copy_store
from secconsole.backends.stores import parse_store
from secconsole.delivery.inbox import KEPT, Inbox
from secconsole.delivery.message import Message, Result
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import MessageState, SettingsState
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import ConfirmDelivery, Delivery, SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.signin import BindingStarted, ConfirmBinding, SendCode, SignIn, StartBinding, VerifySignIn
from secconsole.store.engine.metadata import fact, set_fact
from tests.delivery.mail_server import mail_server
from tests.delivery.post import digits_in
from tests.organisation import PASSWORD, cheap_passwords

TENANT = "acme"
NUMBER = "+15005550009"
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=40, seed=7))
    return home


@pytest.fixture
def demo(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a demo, and the home of an ordinary store."""
    home = tmp_path / "demo"
    shutil.copytree(filled, home)
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    return home


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a store that is no demo's."""
    home = tmp_path / "real"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    asyncio.run(create_store(tenant=TENANT, admin="root", password=PASSWORD, passwords=cheap_passwords()))
    return home


@asynccontextmanager
async def opened() -> AsyncIterator[EmbeddedBackend]:
    """The store of this home, opened by its owner as a command opens it."""
    backend = await open_embedded(store_owner() or Nobody(), "command", passwords=cheap_passwords())
    try:
        yield backend
    finally:
        await backend.close()


async def written(backend: EmbeddedBackend, body: Callable[[sa.Connection], None]) -> None:
    await asyncio.wrap_future(backend.store.write(body))


async def begin(
    backend: EmbeddedBackend, kind: FactorKind, address: str, password: Secret[str], login: str = "newton"
) -> tuple[BindingStarted, Secret[str]]:
    """Begin to bind an address or number at a sign-in, and the challenge of that."""
    answer = await backend.perform(SignIn(tenant=TENANT, login=login, password=password))
    assert answer.challenge is not None, answer
    bind = StartBinding(challenge=answer.challenge, kind=kind, address=address)
    return await backend.perform(bind), answer.challenge


def password_of(login: str = "newton") -> Secret[str]:
    from secconsole.backends.demo.accounts import demo_accounts

    return next(account.password for account in demo_accounts() if account.login == login)


async def text_to(backend: EmbeddedBackend, password: Secret[str]) -> Delivery:
    """Send a code to a number, and return the result."""
    started, _ = await begin(backend, FactorKind.SMS, NUMBER, password)
    assert started.sent
    await backend.delivery_worker.wait_idle()
    return await backend.perform(ShowDelivery(tenant=TENANT))


async def test_the_inbox_of_a_demo_is_a_private_file(demo: Path) -> None:
    async with opened() as backend:
        started, challenge = await begin(backend, FactorKind.SMS, NUMBER, password_of())
        inbox = demo_inbox()
        assert inbox is not None
        newest = inbox.messages()[0]
        assert (newest.kind, newest.login, newest.to, newest.subject) == (FactorKind.SMS, "newton", NUMBER, "")
        assert started.prefix in newest.text.reveal()
        code = digits_in(newest.text.reveal())
        confirm = ConfirmBinding(challenge=challenge, enrollment=started.enrollment, code=code)
        assert (await backend.perform(confirm)).status is SignInStatus.COMPLETE
        shown = await backend.perform(ShowDelivery(tenant=TENANT))
    assert shown.inbox
    assert next(m for m in shown.recent if m.kind is FactorKind.SMS).state is MessageState.SENT
    assert stat.S_IMODE(inbox.path.stat().st_mode) == 0o600
    assert inbox.path.parent == demo


@pytest.mark.parametrize(("login", "kind", "offered"), [("emil", FactorKind.EMAIL, 1), ("sofia", FactorKind.SMS, 2)])
async def test_the_accounts_of_a_demo_sign_in_by_mail_and_by_sms(
    demo: Path, login: str, kind: FactorKind, offered: int
) -> None:
    from secconsole.backends.demo.accounts import demo_accounts

    password = next(account.password for account in demo_accounts() if account.login == login)
    async with opened() as backend:
        answer = await backend.perform(SignIn(tenant=TENANT, login=login, password=password))
        assert [factor.kind for factor in answer.factors] == [kind] * offered
        assert answer.challenge is not None
        last = answer.factors[-1]
        await backend.perform(SendCode(challenge=answer.challenge, factor=last.id))
        inbox = demo_inbox()
        assert inbox is not None
        newest = inbox.messages()[0]
        assert newest.login == login
        assert newest.to[-3:] == last.masked[-3:]
        code = digits_in(newest.text.reveal())
        end = await backend.perform(VerifySignIn(challenge=answer.challenge, factor=last.id, code=code))
    assert end.token is not None


async def test_settings_tested_in_a_demo_send_nothing_outside(demo: Path) -> None:
    """Its people are invented, and the real owners of their addresses and numbers did not ask for messages."""
    async with mail_server() as mailbox, opened() as backend:
        await backend.perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=mailbox.port, sender="mfa@acme.example"))
        started = await backend.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="me@acme.example"))
        inbox = demo_inbox()
        assert inbox is not None
        assert inbox.messages()[0].to == "me@acme.example"
        assert inbox.messages()[0].login == ""
        code = digits_in(inbox.messages()[0].text.reveal())
        assert (await backend.perform(ConfirmDelivery(tenant=TENANT, code=code))).accepted
        shown = await backend.perform(ShowDelivery(tenant=TENANT))
        assert [(one.state, one.host) for one in shown.smtp] == [(SettingsState.ACTIVE, "127.0.0.1")]
        await begin(backend, FactorKind.EMAIL, "newton@acme.example", password_of())
        assert inbox.messages()[0].to == "newton@acme.example"
        assert started.sent
    assert mailbox.mails == []


async def test_a_demo_without_its_accounts_file_stores_no_message(demo: Path) -> None:
    password = password_of()
    (demo / "demo.json").unlink()
    async with opened() as backend:
        shown = await text_to(backend, password)
    assert not shown.inbox
    assert shown.recent[0].state is not MessageState.SENT
    assert not (demo / "inbox.jsonl").exists() or NUMBER not in (demo / "inbox.jsonl").read_text()


async def forbidden(home: Path) -> None:
    """Nothing that this store sends may be kept where it can be read."""
    async with mail_server() as mailbox, opened() as backend:
        await backend.perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=mailbox.port, sender="mfa@acme.example"))
        await backend.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="me@acme.example"))
        assert len(mailbox.mails) == 1
        assert (await backend.perform(ConfirmDelivery(tenant=TENANT, code=digits_in(mailbox.text())))).accepted
        await backend.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="ana@acme.example"))
        assert len(mailbox.mails) == 2
        assert not (await backend.perform(ShowDelivery(tenant=TENANT))).inbox
    assert not (home / "inbox.jsonl").exists()
    code = digits_in(mailbox.text()).reveal().encode()
    assert not [path for path in home.iterdir() if path.is_file() and code in path.read_bytes()]


async def test_a_real_store_with_the_accounts_file_of_a_demo_beside_it_sends(filled: Path, real: Path) -> None:
    shutil.copy2(filled / "demo.json", real / "demo.json")
    await forbidden(real)


async def test_a_real_store_with_all_of_a_demos_marks_sends(filled: Path, demo: Path, real: Path) -> None:
    """The accounts file and the fact of a demo's store, copied into this one by hand."""
    os.environ["SECCONSOLE_HOME"] = str(demo)
    async with opened() as backend:
        mark = await asyncio.wrap_future(backend.store.read(lambda connection: fact(connection, "demo")))
    assert mark is not None
    os.environ["SECCONSOLE_HOME"] = str(real)
    async with opened() as backend:
        await written(backend, lambda connection: set_fact(connection, "demo", mark))
    shutil.copy2(filled / "demo.json", real / "demo.json")
    await forbidden(real)


async def test_a_copy_of_a_demo_is_not_a_demo(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "copied"
    target.mkdir(mode=0o700)
    await copy_store(parse_store(""), parse_store(f"sqlite:///{target}/console.db"), lambda table, rows: None)
    shutil.copy2(demo / "demo.json", target / "demo.json")
    monkeypatch.setenv("SECCONSOLE_HOME", str(target))
    async with opened() as backend:
        shown = await text_to(backend, password_of())
    assert not shown.inbox
    assert not (target / "inbox.jsonl").exists()


async def test_a_demo_store_needs_both_marks(filled: Path, real: Path) -> None:
    """So that the tests above could fail."""
    async with opened() as backend:
        await written(backend, lambda connection: make_demo(connection, backend.keys))
    shutil.copy2(filled / "demo.json", real / "demo.json")
    async with opened() as backend:
        assert (await backend.perform(ShowDelivery(tenant=TENANT))).inbox


# ---- the file --------------------------------------------------------------------------------------------------------


def put(inbox: Inbox, number: int, text: str = "ABCD-123456") -> None:
    outcome = inbox.put(str(number), FactorKind.EMAIL, "ana", Message("a@b.example", "Code", Secret(text)), NOW)
    assert outcome.result is Result.SENT


def test_the_newest_messages_are_kept_and_the_oldest_dropped(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    for number in range(3 * KEPT):
        put(inbox, number, text=f"first line\nsecond line \u2028 of {number}")
    found = inbox.messages()
    assert [message.id for message in found] == [str(number) for number in range(3 * KEPT - 1, 2 * KEPT - 1, -1)]
    assert found[0].text.reveal().endswith(f"of {3 * KEPT - 1}")
    assert found[0].at == NOW
    assert len(inbox.path.read_text().splitlines()) <= 2 * KEPT


def test_a_truncated_line_loses_one_message_only(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    put(inbox, 1)
    with inbox.path.open("a") as file:
        file.write('["2", 17000\n{}\n[1]\n')
    put(inbox, 3)
    assert [message.id for message in inbox.messages()] == ["3", "1"]


def test_a_file_readable_by_others_is_neither_written_nor_read(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    put(inbox, 1)
    inbox.path.chmod(0o640)
    outcome = inbox.put("2", FactorKind.SMS, "", Message("+15005550009", "", Secret("x")), NOW)
    assert outcome.result is Result.LATER
    assert "chmod 600" in outcome.problem
    with pytest.raises(Unavailable, match="Other users may read"):
        inbox.messages()


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "inbox.jsonl"
    program = """if True:  # without the modules of this file, which take seconds to import
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from secconsole.delivery.inbox import Inbox
        from secconsole.delivery.message import Message, Result
        from secconsole.domain.model import FactorKind
        from secconsole.domain.secret import Secret

        message = Message("a@b.example", "Code", Secret("x" * 3000))
        for number in range(60):
            name = str(int(sys.argv[2]) * 100 + number)
            outcome = Inbox(Path(sys.argv[1])).put(name, FactorKind.EMAIL, "ana", message, datetime.now(UTC))
            assert outcome.result is Result.SENT
    """
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), str(which)]) for which in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert {message.id for message in Inbox(path).messages()} == {
        str(which * 100 + number) for which in range(2) for number in range(60)
    }


def test_the_stamp_changes_with_each_message(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    stamps = [inbox.stamp()]
    for number in range(3):
        put(inbox, number)
        stamps.append(inbox.stamp())
    assert len(set(stamps)) == 4
