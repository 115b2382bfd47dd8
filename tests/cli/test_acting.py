"""The acting user: a token from a file, a kept session, or the owner of the store, and secrets without arguments."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from secconsole.cli.app import COMMANDS, cli
from tests.cli.conftest import PASSWORD, Shell, code


@pytest.fixture
def token(shell: Shell, tmp_path: Path) -> Path:
    """A file with the token of hana, who is at the helpdesk."""
    people = f"login,role,password\nhana,helpdesk,{PASSWORD}\n"
    assert shell("user", "import", "-", input=people).code == 0
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    kept = shell.home / "session"
    path = tmp_path / "token"
    path.write_text(json.loads(kept.read_text())["token"] + "\n")
    path.chmod(0o600)
    kept.unlink()
    return path


def test_the_owner_of_the_store_may_act_and_the_audit_names_them(shell: Shell) -> None:
    shell.create("ana")
    assert shell.json("audit", "list", "--user", "ana")["items"][0]["actor"].startswith("local:")


def test_a_token_acts_as_its_owner(shell: Shell, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("user", "list", "--token-file", str(token)).code == 0
    answer = shell("--token-file", str(token), "user", "create", "ana")
    assert answer.code == 3
    monkeypatch.setenv("SECCONSOLE_TOKEN_FILE", str(token))
    assert shell("user", "create", "ana").code == 3


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a37_a_token_file_that_others_may_read_is_refused(shell: Shell, token: Path, mode: int) -> None:
    token.chmod(mode)
    answer = shell("user", "list", "--token-file", str(token))
    assert answer.code == 6
    assert answer.err == f"Other users may read {token}. Make it private first: chmod 600 {token}\n"


def test_a37_a_config_file_that_others_may_read_is_refused(shell: Shell) -> None:
    config = shell.home / "config.toml"
    config.write_text('tenant = "acme"\n')
    config.chmod(0o644)
    answer = shell("user", "list")
    assert (answer.code, "chmod 600" in answer.err) == (6, True)
    config.chmod(0o600)
    assert shell("user", "list").code == 0


def test_a37_no_command_takes_a_secret_as_an_argument(shell: Shell) -> None:
    def options(command: click.Command) -> set[str]:
        own = {name for parameter in command.params for name in parameter.opts if name.startswith("-")}
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        return own.union(*(options(each) for each in inner))

    context = click.Context(cli)
    every = options(cli).union(*(options(cli.get_command(context, name)) for name in COMMANDS))  # type: ignore[arg-type]
    assert {name for name in every if "password" in name} == {
        "--password-stdin",
        "--password-file",
        "--all-without-password",
        "--password",
        "--show-password",  # flags of reset
    }
    assert every & {"--code", "--token", "--secret", "--key", "--pin", "-p"} == set()
    for arguments in (
        ["init", "--tenant", "x", "--admin", "y", "--password", PASSWORD],
        ["user", "create", "ana", f"--password={PASSWORD}"],
        ["sign-in", "ana", "--password", PASSWORD],
        ["verify", "ana", "--code", "123456"],
    ):
        answer = shell(*arguments)
        assert answer.code == 2
        assert PASSWORD not in answer.err


def test_a_file_without_a_token_is_refused(shell: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    assert shell("user", "list", "--token-file", str(empty)).code == 6
    empty.touch(0o600)
    assert shell("user", "list", "--token-file", str(empty)).code == 2
    empty.write_text("wrong")
    assert shell("user", "list", "--token-file", str(empty)).code == 3


def test_a_session_is_kept_private_until_signing_out(shell: Shell) -> None:
    people = f"login,role,password\nhana,helpdesk,{PASSWORD}\n"
    shell("user", "import", "-", input=people)
    answer = shell("sign-in", "hana", "--tenant", "acme", "--format", "json", input=f"{PASSWORD}\n")
    assert (answer.json["login"], answer.json["role"]) == ("hana", "helpdesk")
    kept = shell.home / "session"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert shell("user", "create", "ana").code == 3
    kept.chmod(0o644)
    assert shell("user", "list").code == 6
    kept.chmod(0o600)
    assert shell("sign-out").code == 0
    assert not kept.exists()
    assert shell("user", "create", "ana").code == 0
    assert shell("sign-out").code == 1


def test_a_session_ended_elsewhere_is_reported_and_can_be_removed(shell: Shell) -> None:
    shell("user", "import", "-", input=f"login,role,password\nhana,helpdesk,{PASSWORD}\n")
    shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n")
    kept = (shell.home / "session").read_text()
    shell("sign-out")
    (shell.home / "session").write_text(kept)
    (shell.home / "session").chmod(0o600)
    assert shell("user", "list").code == 3
    assert shell("sign-out").code == 0
    assert shell("user", "list").code == 0


def test_a_wrong_password_or_code_does_not_sign_in(shell: Shell) -> None:
    shell("user", "import", "-", input=f"login,role,password\nhana,helpdesk,{PASSWORD}\n")
    seed = shell.bind("hana")
    shell("policy", "set", "optional")
    assert shell("sign-in", "hana", "--tenant", "acme", input="wrong horse\n").code == 3
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n000000\n").code in (2, 3)
    assert not (shell.home / "session").exists()
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n{code(seed, 1)}").code == 0


def test_a_new_password_is_set_during_sign_in(shell: Shell) -> None:
    shell.create("ana")
    once = shell.json("user", "reset-password", "ana")["password"]
    answer = shell("sign-in", "ana", "--tenant", "acme", input=f"{once}\n{PASSWORD}\n")
    assert answer.code == 0
    shell("sign-out")
    assert shell("sign-in", "ana", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0


def test_users_who_must_bind_first_need_a_terminal(shell: Shell) -> None:
    shell("user", "import", "-", input=f"login,password\nana,{PASSWORD}\n")
    shell("policy", "set", "required")
    answer = shell("sign-in", "ana", "--tenant", "acme", input=f"{PASSWORD}\n")
    assert answer.code == 5
    assert "secconsole" in answer.err


def test_the_tenant_is_the_named_configured_or_only_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.json("user", "list")["items"][0]["login"] == "root"
    shell("tenant", "create", "beta")
    answer = shell("user", "list")
    assert (answer.code, answer.err) == (2, "Name the tenant with --tenant NAME. Tenants: acme, beta.\n")
    assert shell.json("user", "list", "--tenant", "beta")["items"] == []
    config = shell.home / "config.toml"
    config.write_text('tenant = "beta"\n[contexts.main]\ntenant = "acme"\n')
    config.chmod(0o600)
    assert shell.json("user", "list")["items"] == []
    assert len(shell.json("user", "list", "--context", "main")["items"]) == 1
    assert shell("user", "list", "--context", "lab").code == 2
    monkeypatch.setenv("SECCONSOLE_TENANT", "acme")
    assert len(shell.json("user", "list")["items"]) == 1
    assert shell.json("user", "list", "--tenant", "beta")["items"] == []


def test_shared_options_are_accepted_at_any_level(shell: Shell) -> None:
    for arguments in (
        ["--tenant", "acme", "--format", "json", "user", "list"],
        ["user", "--tenant", "acme", "list", "--format", "json"],
        ["--format", "csv", "user", "list", "--tenant=acme", "--format=json"],
    ):
        assert len(shell(*arguments).json["items"]) == 1


def test_an_unknown_backend_is_refused(shell: Shell) -> None:
    assert shell("user", "list", "--backend", "gopher://x").code == 2


def test_a_missing_store_says_how_to_create_one(nowhere: Shell) -> None:
    answer = nowhere("user", "list")
    assert answer.code == 6
    assert "secconsole init" in answer.err


def test_a30_a_store_without_its_key_is_not_opened(shell: Shell) -> None:
    (shell.home / "master.key").rename(shell.home / "elsewhere")
    answer = shell("user", "list")
    assert (answer.code, "master.key" in answer.err) == (6, True)
