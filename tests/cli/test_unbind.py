"""`unbind` and `undo`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell, code

REASON = ("--reason", "lost phone")


def test_who_lost_a_phone_is_unbound_and_bound_again_by_undo(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    done = shell.json("unbind", "ana", *REASON, "--ticket", "T-17", "--yes", "--tenant", "acme")
    assert list(done) == ["unbound", "failed", "event", "undo_until"]
    assert [u["login"] for u in done["unbound"]] == ["ana"]
    assert set(done["unbound"][0]) == {"id", "login"}
    assert shell.status("ana") == "unbound"
    restored = shell.json("undo", done["event"], "--tenant", "acme")
    assert [u["login"] for u in restored["restored"]] == ["ana"]
    assert shell.status("ana") == "bound"
    assert shell("verify", "ana", input=code(seed, 1)).code == 0
    assert shell("undo", done["event"]).code == 5


def test_one_user_needs_no_yes_and_every_outcome_has_its_code(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    assert shell("unbind", "ana", *REASON).code == 0
    assert shell("unbind", "ana", *REASON).code == 1
    assert shell("unbind", "nobody", *REASON).code == 4
    assert shell("undo", "01M80MR4P80000000000000000").code == 4


def test_the_table_tells_how_to_undo(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    last = shell("unbind", "ana", *REASON).out.splitlines()[-1]
    assert last.startswith("Undo until ")
    assert shell(*last.partition(": secconsole ")[2].split()).code == 0


def test_a_reason_is_needed(shell: Shell) -> None:
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


def test_a50_many_need_yes_where_nobody_can_be_asked(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell.bind("ana")
    answer = shell("unbind", "ana", "bob", *REASON)
    assert (answer.code, shell.status("ana")) == (2, "bound")
    assert "--yes" in answer.err
    assert shell("unbind", "ana", "bob", *REASON, "--yes").code == 7
    assert shell("unbind", "ana", "bob", *REASON, "--yes").code == 1
    assert shell("unbind", "ana", "nobody", *REASON, "--yes").code == 7


def test_a50_many_portions_are_one_event(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secconsole.cli.unbind.AT_ONCE", 2)
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
