"""`demo`."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from secconsole.cli.command import ConsoleOptions
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


def test_a_demo_is_opened_and_opened_again(anywhere: Shell) -> None:
    assert anywhere("demo", "--home", "d", "--users", "20").code == 0
    assert anywhere("demo", "--home", "d").code == 0
    assert anywhere.opened == [ConsoleOptions(tenant="acme", context="local"), ConsoleOptions(context="local")]
    assert anywhere("demo", "--home", "d", "--no-open").code == 5


def test_without_a_home_nothing_is_left(anywhere: Shell, tmp_path: Path) -> None:
    answer = anywhere("demo", "--users", "20")
    assert answer.code == 0
    assert "petra" in answer.out
    assert list(tmp_path.glob("secconsole-demo-*")) == []
    assert anywhere("demo", "--users", "20", "--no-open").code == 0
    assert len(list(tmp_path.glob("secconsole-demo-*"))) == 1
