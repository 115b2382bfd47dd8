"""`unbind` and `undo`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell, code
from tests.cli.test_bypass import FORM

REASON = ("--reason", "lost phone")


def test_a_user_is_unbound_and_undo_restores_the_factor(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    done = shell.json("unbind", "ana", *REASON, "--ticket", "T-17", "--yes", "--tenant", "acme")
    assert list(done) == ["unbound", "failed", "event", "undo_until", "bypass", "caller_check", "warning"]
    assert [u["login"] for u in done["unbound"]] == ["ana"]
    assert set(done["unbound"][0]) == {"id", "login"}
    assert shell.status("ana") == "unbound"
    restored = shell.json("undo", done["event"], "--tenant", "acme")
    assert [u["login"] for u in restored["restored"]] == ["ana"]
    assert shell.status("ana") == "bound"
    assert shell("verify", "ana", input=code(seed, 1)).code == 0
    assert shell("undo", done["event"]).code == 5


def test_a_bypass_code_comes_with_it_and_is_shown_once(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell.bind("ana")
    done = shell.json("unbind", "ana", *REASON, "--bypass", "60", "--yes")
    assert FORM.fullmatch(done["bypass"]["code"])
    assert shell.json("user", "show", "ana")["bypass"]["reason"] == "lost phone"
    assert "code" not in shell.json("user", "show", "ana")["bypass"]
    assert shell("unbind", "ana", "bob", *REASON, "--bypass", "60", "--yes").code == 2
    shell.bind("ana")
    table = shell("unbind", "ana", *REASON, "--bypass", "5")
    assert FORM.search(table.out)
    assert "can sign in with it once" in table.err


def test_one_user_needs_no_yes_and_every_outcome_has_its_code(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    assert shell("unbind", "ana", *REASON).code == 0
    assert shell("unbind", "ana", *REASON).code == 1
    assert shell("unbind", "nobody", *REASON).code == 4
    assert shell("undo", "01M80MR4P80000000000000000").code == 4


def test_the_table_shows_how_to_undo(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    last = shell("unbind", "ana", *REASON).out.splitlines()[-1]
    assert last.startswith("Undo until ")
    assert shell(*last.partition(": secconsole ")[2].split()).code == 0


def test_a_reason_is_required(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    for extra in ((), ("--reason", "  ")):
        answer = shell("unbind", "ana", *extra)
        assert (answer.code, answer.err) == (2, "Say why with --reason TEXT.\n")
    assert shell.status("ana") == "bound"


def test_a_dry_run_changes_nothing(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell.bind("ana")
    preview = shell.json("unbind", "ana", "bob", "nobody", "--dry-run")
    assert (preview["bound"], preview["already_unbound"], len(preview["failed"])) == (1, 1, 1)
    assert [t["login"] for t in preview["targets"]] == ["ana", "bob"]
    assert shell("unbind", "ana", "bob", "--dry-run").out.startswith("2 users: 1 bound, 1 unbound already. ")
    assert shell.status("ana") == "bound"


def test_a50_many_users_require_yes_without_a_terminal(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell.bind("ana")
    answer = shell("unbind", "ana", "bob", *REASON)
    assert (answer.code, shell.status("ana")) == (2, "bound")
    assert "--yes" in answer.err
    assert shell("unbind", "ana", "bob", *REASON, "--yes").code == 7
    assert shell("unbind", "ana", "bob", *REASON, "--yes").code == 1
    assert shell("unbind", "ana", "nobody", *REASON, "--yes").code == 7


def test_a50_many_batches_are_one_event(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secconsole.operations.portions.PORTION", 2)
    logins = ["ana", "bob", "eve", "max", "zoe"]
    shell.create(*logins)
    for login in logins:
        shell.bind(login)
    listed = "".join(f"{login}\n" for login in [*logins, "ana"])
    done = shell.json("unbind", "-", *REASON, "--yes", input=listed)
    assert [u["login"] for u in done["unbound"]] == logins
    assert {shell.status(login) for login in logins} == {"unbound"}
    assert shell.json("undo", done["event"], "ana")["restored"][0]["login"] == "ana"
    assert len(shell.json("undo", done["event"])["restored"]) == 4
    assert {shell.status(login) for login in logins} == {"bound"}
