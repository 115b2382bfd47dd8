"""`init` and `tenant`."""

from __future__ import annotations

import stat

from tests.cli.conftest import PASSWORD, Shell


def test_init_creates_a_store_with_a_tenant_and_an_administrator(nowhere: Shell) -> None:
    made = nowhere.json("init", "--tenant", "acme", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    assert (made["tenant"], made["admin"], made["role"]) == ("acme", "root", "platform-admin")
    (root,) = nowhere.json("user", "list")["items"]
    assert (root["login"], root["role"]) == ("root", "platform-admin")
    assert PASSWORD not in str(made)


def test_a39_everything_created_is_private(nowhere: Shell) -> None:
    nowhere("init", "--tenant", "acme", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    assert stat.S_IMODE(nowhere.home.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in nowhere.home.iterdir() if path.is_file()}
    assert {"console.db", "master.key"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_an_existing_store_is_not_changed(shell: Shell) -> None:
    before = (shell.home / "master.key").read_bytes()
    answer = shell("init", "--tenant", "beta", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    assert answer.code == 5
    assert "already exists" in answer.err
    assert (shell.home / "master.key").read_bytes() == before


def test_a_bad_password_creates_no_store(nowhere: Shell) -> None:
    answer = nowhere("init", "--tenant", "acme", "--admin", "root", "--password-stdin", input="short\n")
    assert answer.code == 2
    assert "too short" in answer.err
    assert not (nowhere.home / "console.db").exists()


def test_omitted_values_require_a_terminal(nowhere: Shell) -> None:
    answer = nowhere("init", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    assert answer.code == 2
    assert "Cannot ask without a terminal (Tenant" in answer.err
    answer = nowhere("init", "--tenant", "acme", "--admin", "root", input=f"{PASSWORD}\n")
    assert (answer.code, "--password-stdin" in answer.err) == (2, True)


def test_tenants_are_created_and_listed(shell: Shell) -> None:
    assert shell.json("tenant", "create", "beta")["name"] == "beta"
    answer = shell("tenant", "create", "gamma", "--admin", "gail", "--password-stdin", input=f"{PASSWORD}\n")
    assert answer.code == 0
    assert [(t["name"], t["users"]) for t in shell.json("tenant", "list")["items"]] == [
        ("acme", 1),
        ("beta", 0),
        ("gamma", 1),
    ]
    assert shell.json("user", "list", "--tenant", "gamma")["items"][0]["login"] == "gail"
    assert shell("tenant", "create", "beta").code == 5
    assert shell("tenant", "create", "delta", "--password-stdin", input="x\n").code == 2
