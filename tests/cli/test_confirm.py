"""Commands that end or lock out something ask at a terminal, need --yes elsewhere, and support --dry-run (A50)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from secconsole.cli.app import cli
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_questions import at_terminal

KEYS = {"what", "id", "login", "name", "change", "sessions", "tokens", "recovery_codes"}


pytestmark = pytest.mark.terminal


@pytest.fixture
def lines(shell: Shell) -> dict[str, tuple[str, ...]]:
    """Return a command line for each, on an existing object."""
    shell.create("ana", "bob")
    shell.bind("ana")
    factor = shell.json("user", "show", "ana")["factors"][0]["id"]
    token = shell.json("token", "create", "--name", "ci")["id"]
    shell.json("secret-key", "rotate", "--yes")
    return {
        "secret-key rotate": ("secret-key", "rotate"),
        "factor remove": ("factor", "remove", factor),
        "token revoke": ("token", "revoke", token),
        "session end": ("session", "end", "--others", "--user", "ana"),
        "user disable": ("user", "disable", "bob"),
        "user role": ("user", "role", "bob", "helpdesk"),
    }


def state(shell: Shell) -> object:
    """All that could have been changed."""
    asked = [
        ("user", "list"),
        ("factor", "list", "ana"),
        ("token", "list"),
        ("secret-key", "show-id"),
        ("audit", "list"),
    ]
    return [shell.json(*words) for words in asked]


def test_each_requires_yes_without_a_terminal(shell: Shell, lines: dict[str, tuple[str, ...]]) -> None:
    before = state(shell)
    for name, line in lines.items():
        answer = shell(*line)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1), name
        assert "--yes" in answer.err, name
        assert "--dry-run" in answer.err, name
    assert state(shell) == before


def test_each_runs_with_yes(shell: Shell, lines: dict[str, tuple[str, ...]]) -> None:
    for name, line in lines.items():
        before = state(shell)
        assert shell(*line, "--yes").code == 0, name
        assert name == "session end" or state(shell) != before, name


@pytest.mark.parametrize("more", [(), ("--yes",)])
def test_a_dry_run_shows_what_would_be_affected_and_changes_nothing(
    shell: Shell, lines: dict[str, tuple[str, ...]], more: tuple[str, ...]
) -> None:
    before = state(shell)
    for name, line in lines.items():
        table = shell(*line, "--dry-run", *more)
        assert (table.code, table.err) == (0, ""), name
        found = shell.json(*line, "--dry-run", *more)
        assert found["next"] is None
        assert all(set(item) == KEYS for item in found["items"]), name
        assert found["items"] or name == "session end"
        header = shell(*line, "--dry-run", "--format", "csv", *more).out.splitlines()[0]
        assert header == "what,id,login,name,change,sessions,tokens,recovery_codes", name
    assert state(shell) == before


def test_a_dry_run_counts_sessions_and_tokens(shell: Shell) -> None:
    once = shell.json("user", "create", "ana", "--password-stdin", input=PASSWORD)
    assert once["user"]["login"] == "ana"
    assert shell("sign-in", "ana", "--tenant", "acme", input=PASSWORD).code == 0
    assert shell("token", "create", "--name", "ci").code == 0
    (shell.home / "session").rename(shell.home / "kept")
    for line in (("user", "disable", "ana"), ("user", "role", "ana", "auditor")):
        (item,) = shell.json(*line, "--dry-run")["items"]
        assert (item["login"], item["sessions"], item["tokens"]) == ("ana", 1, 1)
    items = shell.json("session", "end", "--others", "--user", "ana", "--dry-run")["items"]
    assert [(item["what"], item["sessions"], item["tokens"]) for item in items] == [("session", 1, 0), ("tokens", 0, 1)]
    assert "1 session and 1 token" in shell("user", "disable", "ana").err


def test_each_asks_for_confirmation_at_a_terminal(shell: Shell, lines: dict[str, tuple[str, ...]]) -> None:
    before = state(shell)
    for name, line in lines.items():
        with at_terminal(*line) as terminal:
            terminal.expect("[y/N]")
            terminal.type("n\n")
            terminal.expect("Nothing was changed.")
            assert terminal.code() == 1, name
    assert state(shell) == before
    with at_terminal(*lines["user disable"]) as terminal:
        terminal.expect("bob can no longer sign in. 0 sessions and 0 tokens end. Continue? [y/N]")
        terminal.type("y\n")
        assert terminal.code() == 0
    assert shell.json("user", "show", "bob")["user"]["flags"] == ["disabled"]


@pytest.mark.parametrize("more", [(), ("--overlap-hours", "2"), ("--format", "json"), ("--format", "csv")])
def test_rotation_always_warns_to_update_integrations(shell: Shell, more: tuple[str, ...]) -> None:
    for _ in range(2):
        assert "Integrations must follow" in shell("secret-key", "rotate", *more).err
        done = shell("secret-key", "rotate", "--yes", *more)
        assert done.code == 0
        assert "Integrations must follow" in done.err
        dry = shell("secret-key", "rotate", "--dry-run", *more)
        assert "Integrations must follow" in dry.out or more[:1] == ("--format",)


def test_a_missing_target_fails_without_asking(shell: Shell) -> None:
    for line in (
        ("factor", "remove", "nothing"),
        ("token", "revoke", "nothing"),
        ("secret-key", "revoke", "nothing"),
        ("secret-key", "rotate", "nothing"),
        ("user", "disable", "nobody"),
        ("user", "role", "nobody", "user"),
        ("session", "end", "nothing", "--user", "root"),
    ):
        assert shell(*line).code == shell(*line, "--yes").code == shell(*line, "--dry-run").code == 4, line


def test_removing_the_last_factor_says_so(shell: Shell, lines: dict[str, tuple[str, ...]]) -> None:
    (item,) = shell.json(*lines["factor remove"], "--dry-run")["items"]
    assert (item["login"], item["change"]) == ("ana", "removed, the last one")
    assert json.dumps(item).count("totp") == 1


def options(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), {option for parameter in command.params for option in parameter.opts}
        return
    for name in command.list_commands(click.Context(cli)):
        found = command.get_command(click.Context(cli), name)
        assert found is not None
        yield from options(found, (*path, name))


def test_each_command_has_both_options() -> None:
    both = {name for name, found in options(cli) if {"--yes", "--dry-run"} <= found}
    assert both >= {
        "secret-key rotate",
        "secret-key revoke",
        "factor remove",
        "token revoke",
        "session end",
        "user disable",
        "user role",
        "unbind",
        "account cancel-mfa",
    }
