"""`doctor`: a sound installation, and each problem it reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.doctor import checks
from secconsole.backends.doctor.delivery import sending
from secconsole.domain.model import FactorKind
from secconsole.operations.delivery import Delivery
from tests.cli.conftest import PASSWORD, Shell, code
from tests.delivery.servers import Servers
from tests.server.serving import serving


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def wrong(shell: Shell) -> dict[str, str]:
    """Return the findings that failed, with their advice."""
    answer = shell("doctor", "--format", "json")
    found = {f["name"]: f"{f['detail']} {f['advice']}" for f in answer.json["items"] if not f["ok"]}
    assert answer.code == bool(found)
    return found


def test_a_sound_installation(shell: Shell) -> None:
    assert wrong(shell) == {}
    names = {f["name"] for f in shell.json("doctor")["items"]}
    assert {"home", "store file", "key file", "integrity", "schema", "key", "time", "SQLite", "bytecode"} <= names
    assert shell("doctor").out.startswith("ok     home: ")


def test_a_missing_store(nowhere: Shell) -> None:
    assert "secconsole init" in wrong(nowhere)["store"]


def test_a_key_without_its_store_does_not_suggest_creating_one(shell: Shell) -> None:
    (shell.home / "console.db").unlink()
    advice = wrong(shell)["store"]
    assert "backup" in advice
    assert "secconsole --backend unix:PATH doctor" in advice
    assert "secconsole init" not in advice
    refused = shell("user", "list")
    assert (refused.code, refused.err.count("\n")) == (6, 1)
    assert "secconsole --backend unix:PATH" in refused.err
    assert "secconsole init" not in refused.err


@pytest.mark.parametrize(
    ("name", "file", "mode"),
    [
        ("home", "", 0o755),
        ("store file", "console.db", 0o644),
        ("key file", "master.key", 0o640),
        ("kept session", "session", 0o604),
    ],
)
def test_a39_files_readable_by_others(shell: Shell, name: str, file: str, mode: int) -> None:
    path = shell.home / file
    if not path.exists():
        path.touch()
    path.chmod(mode)
    assert f"Make it private: chmod {'700' if path == shell.home else '600'} {path}" in wrong(shell)[name]


def test_a_custom_text_that_is_not_used(shell: Shell) -> None:
    folder = shell.home / "texts"
    folder.mkdir()
    path = folder / "contact.txt"
    path.touch(mode=0o600)
    path.write_text("Call +1 500 555 0001.")
    assert wrong(shell) == {}
    path.write_text("Call {phone}.")
    assert "contact.txt is not used: line 1 has unknown placeholders: {phone}." in wrong(shell)["text"]


def test_unreadable_settings(shell: Shell) -> None:
    (shell.home / "config.toml").write_text("tenant =")
    (shell.home / "config.toml").chmod(0o600)
    assert "is not TOML" in wrong(shell)["settings"]


def test_keys_that_cannot_be_used(shell: Shell) -> None:
    shell.key_problems = ("config.toml: x is the key of users.undo too",)
    answer = shell("doctor")
    assert "WRONG  keys: config.toml: x is the key of users.undo too" in answer.out
    assert answer.code == 1


def test_a30_a_missing_or_foreign_key(shell: Shell) -> None:
    key = shell.home / "master.key"
    text = key.read_text()
    key.unlink()
    assert "missing" in wrong(shell)["key"]
    key.write_text(text.replace('"k1": "', '"k1": "AAAA')[: len(text)])
    key.chmod(0o600)
    assert "key" in wrong(shell)


def test_a_damaged_store(shell: Shell) -> None:
    database = shell.home / "console.db"
    data = bytearray(database.read_bytes())
    data[8192 : 8192 + 4096 * 8] = b"\xff" * 4096 * 8
    database.write_bytes(data)
    assert wrong(shell).keys() & {"store", "integrity"}
    database.write_bytes(b"no database at all" * 100)
    assert "store" in wrong(shell)


def test_a48_a_store_of_a_newer_version(shell: Shell) -> None:
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert wrong(shell)["schema"].endswith("Update secconsole.")
    assert shell("user", "list").code == 6


async def test_a_clock_that_is_behind(shell: Shell) -> None:
    found = {f.name: f for f in await checks.examine(clock=lambda: 1_000_000_000)}
    assert not found["time"].ok
    assert "the store has seen" in found["clock"].detail


def test_a_network_file_system(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {shell.home.resolve()} nfs4 rw 0 0\n")
    monkeypatch.setattr(checks, "MOUNTS", mounts)
    assert "on nfs4" in wrong(shell)["file system"]


def test_an_unusable_theme_is_only_advice(shell: Shell) -> None:
    (shell.home / "themes").mkdir()
    (shell.home / "themes" / "mine.toml").write_text("name = 1")
    findings = {f["name"]: f for f in shell.json("doctor")["items"]}
    assert findings["theme"]["ok"]
    assert "theme check" in findings["theme"]["advice"]


def shown(shell: Shell, name: str, *where: str) -> list[tuple[bool, str]]:
    """Return the findings of a name, each with True if it passed."""
    found = shell("doctor", "--format", "json", *where).json["items"]
    return [(f["ok"], f"{f['detail']} {f['advice']}") for f in found if f["name"] == name]


def set_smtp(shell: Shell, port: int) -> None:
    host = ("--host", "127.0.0.1", "--port", str(port))
    assert shell("delivery", "set-smtp", *host, "--sender", "mfa@acme.example").code == 0


def test_missing_delivery_settings_are_fine_while_the_kind_is_off(shell: Shell) -> None:
    assert shown(shell, "sending") == [(True, "acme: mail not set up, SMS not set up; 0 sent in 24 hours ")]
    assert shell("policy", "set", "--kinds", "totp,sms").code == 0
    assert "acme: sms is allowed, but no SMS can be sent" in wrong(shell)["sending"]
    assert "secconsole delivery set-twilio --tenant acme" in wrong(shell)["sending"]


def test_untested_settings_are_advice(shell: Shell) -> None:
    set_smtp(shell, 9)
    assert wrong(shell) == {}
    (_, waiting) = shown(shell, "sending")
    assert waiting[0]
    assert "secconsole delivery test --kind email --to ADDRESS --tenant acme" in waiting[1]


def test_a_mail_server_that_refuses_everything_is_a_problem_and_one_bad_address_is_not(
    shell: Shell, servers: Servers
) -> None:
    set_smtp(shell, servers.mailbox.port)
    servers.mailbox.at_rcpt.append("550 5.1.1 No such user here")
    assert shell("delivery", "test", "--kind", "email", "--to", "nobody@acme.example").code == 6
    failed = wrong(shell)["messages"]
    assert "acme: 1 of mail failed in 24 hours, 0 sent; the latest: " in failed
    assert "550" in failed
    assert "nobody@" not in failed
    assert shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example").code == 0
    assert wrong(shell) == {}
    assert [ok for ok, _ in shown(shell, "messages")] == [True]


def test_messages_without_a_sender_are_a_problem(shell: Shell) -> None:
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute(
            "INSERT INTO outbox (id, tenant_pk, kind, purpose, attempt, masked, address, state, due, created, expires)"
            " SELECT 'x', pk, 'email', 'test', 'x', 'x', x'00', 'waiting', 0, 1, 9000000000000000 FROM tenants"
        )
        database.execute("UPDATE outbox SET created = 1000 * (unixepoch() - 120)")
    assert "acme: 1 of mail waiting without an attempt" in wrong(shell)["messages"]


def test_a_server_is_checked_too(shell: Shell, tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", "127.0.0.1:0") as server:
        at = ("--backend", f"http://127.0.0.1:{server.port}")
        assert shell("doctor", *at).code == 0
        assert "answered in" in shown(shell, "server", *at)[0][1]
        assert shown(shell, "session", *at)[0] == (
            True,
            "not signed in there Sign in to have its clock and sending checked: secconsole sign-in",
        )
        assert shell("sign-in", "root", "--tenant", "acme", *at, input=f"{PASSWORD}\n").code == 0
        assert shown(shell, "server clock", *at)[0][0]
        assert [ok for ok, _ in shown(shell, "sending", *at)] == [True, True], "of the store here, and of the server"
    gone = shell("doctor", "--format", "json", *at)
    assert gone.code == 1
    assert [f["ok"] for f in gone.json["items"] if f["name"] == "server"] == [False]


def test_a_suggested_command_never_contains_the_tenant_name() -> None:
    """A server may be anyone's."""
    allowed = (FactorKind.EMAIL,)
    found = list(sending("acme; rm -rf ~", allowed, Delivery((), (), (), ()), datetime(2026, 11, 22, tzinfo=UTC)))
    assert [finding.ok for finding in found] == [False]
    assert "set-smtp --tenant 'acme; rm -rf ~', or" in found[0].advice


def test_mend_clock_repairs_the_store_and_not_the_clock(shell: Shell) -> None:
    shell.create("tomas")
    seed = shell.bind("tomas")
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE factors SET last_step = last_step + 370 * 2880")
    found = wrong(shell)["clock"]
    assert "correct codes of 1 factor are refused" in found
    assert "secconsole doctor --mend-clock" in found
    assert shell("verify", "tomas", input=code(seed, 1)).code == 1
    assert shell.json("doctor", "--mend-clock", "--dry-run")["factors"] == 1
    refused = shell("doctor", "--mend-clock")  # no time service confirms the clock
    assert (refused.code, "--yes" in refused.err) == (2, True)
    mended = shell.json("doctor", "--mend-clock", "--yes")
    assert (mended["factors"], mended["done"]) == (1, True)
    assert wrong(shell) == {}
    assert shell("verify", "tomas", input=code(seed, 1)).code == 0
    assert shell("verify", "tomas", input=code(seed, 1)).code == 1
