"""`demo`."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from secconsole.cli.command import ConsoleOptions
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from tests.cli.conftest import Shell, code


@pytest.fixture
def anywhere(nowhere: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return nowhere


def test_a_demo_has_one_account_of_each_role_able_to_sign_in(anywhere: Shell, tmp_path: Path) -> None:
    made = anywhere.json("demo", "--home", "d", "--users", "60", "--seed", "7", "--no-open")
    assert list(made) == ["home", "tenant", "accounts"]
    assert made["home"] == str(tmp_path / "d")
    roles = [a["role"] for a in made["accounts"]]
    assert {"platform-admin", "tenant-admin", "helpdesk", "auditor", "user"} == set(roles)
    assert anywhere.opened == []
    for account in made["accounts"]:
        if account["totp_uri"] is None:
            continue
        key = parse_qs(urlsplit(account["totp_uri"]).query)["secret"][0]
        seed = Secret(base64.b32decode(key + "=" * (-len(key) % 8)))
        entered = f"{account['password']}\n{code(seed)}"
        answer = anywhere("sign-in", account["login"], "--tenant", made["tenant"], "--format", "json", input=entered)
        assert answer.json["role"] == account["role"]
        anywhere("sign-out")


def test_a_demo_can_be_reopened(anywhere: Shell) -> None:
    assert anywhere("demo", "--home", "d", "--users", "20").code == 0
    assert anywhere("demo", "--home", "d").code == 0
    assert anywhere.opened == [ConsoleOptions(tenant="acme", context="local"), ConsoleOptions(context="local")]
    assert anywhere("demo", "--home", "d", "--no-open").code == 5


def test_a_demo_without_a_home_is_removed(anywhere: Shell, tmp_path: Path) -> None:
    answer = anywhere("demo", "--users", "20")
    assert answer.code == 0
    assert "petra" in answer.out
    assert list(tmp_path.glob("secconsole-demo-*")) == []
    assert anywhere("demo", "--users", "20", "--no-open").code == 0
    assert len(list(tmp_path.glob("secconsole-demo-*"))) == 1


def test_a_command_reads_the_inbox_of_a_demo(anywhere: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert anywhere("demo", "--home", "d", "--users", "20", "--no-open").code == 0
    monkeypatch.setenv("SECCONSOLE_HOME", "d")
    assert "its own inbox" in anywhere("delivery", "show").out
    assert "demo: all messages go into its own inbox" in anywhere("doctor").out
    started = anywhere.json("delivery", "test", "--kind", "sms", "--to", "+15005550009")
    newest = anywhere.json("demo", "--home", "d", "--inbox")["items"][0]
    assert newest["to"] == "+15005550009"
    digits = re.findall(rf"{started['prefix']}-(\d{{6}})", newest["text"])[0]
    assert anywhere("delivery", "test", "--confirm", digits).code == 0
    assert digits in anywhere("demo", "--inbox").out


def test_a_store_that_is_not_a_demo_has_no_inbox(anywhere: Shell, shell: Shell) -> None:
    answer = shell("demo", "--inbox")
    assert answer.code == 4
    assert "inbox" not in shell("doctor").out
    assert "There is no demo here" in answer.err


def test_the_smallest_demo_has_one_account_of_each_role(anywhere: Shell) -> None:
    made = anywhere.json("demo", "--home", "d", "--users", "5", "--no-open")
    assert {account["role"] for account in made["accounts"]} == {role.value for role in Role}
    assert len(made["accounts"]) == len(Role)


def test_the_same_seed_creates_the_same_users_and_factors(anywhere: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(home: str, seed: str) -> list[tuple[str, ...]]:
        accounts = anywhere.json("demo", "--home", home, "--users", "300", "--seed", seed, "--no-open")["accounts"]
        monkeypatch.setenv("SECCONSOLE_HOME", home)
        listed = anywhere.json("user", "list", "--limit", "1000")["items"]
        shown = [(a["login"], a["password"], str(a["totp_uri"])) for a in accounts]
        people = [(u["login"], u["status"], ",".join(u["factors"]), u["phone"]) for u in listed]
        return [*shown, *people]

    first = made("one", "7")
    assert made("two", "7") == first
    assert made("three", "8") != first
    kinds = {row[2] for row in first}
    assert {"totp", "sms", "email", "totp,sms", "totp,email", ""} <= kinds
    assert sum(row[2] == "totp" for row in first) > 200 * 0.8
    assert ("bound", "sms") in {row[1:3] for row in first}
    assert ("pending", "sms") in {row[1:3] for row in first}
