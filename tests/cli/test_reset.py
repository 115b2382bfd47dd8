"""`reset`: all that a caller without a phone needs, in one command."""

from __future__ import annotations

from tests.cli.conftest import Shell
from tests.cli.test_bypass import FORM

REASON = ("--reason", "lost phone", "--ticket", "T-17")


def test_a_reset_names_all_that_was_done_and_undo_restores_the_factors(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    done = shell.json("reset", "ana", *REASON, "--show-password", "--bypass", "60", "--yes")
    assert (done["login"], done["factors"], done["caller_check"], done["warning"]) == ("ana", 1, None, "")
    assert FORM.fullmatch(done["bypass"]["code"])
    assert done["password"]
    assert shell.status("ana") == "unbound"
    (entry,) = shell.json("audit", "list", "--action", "user.reset")["items"]
    assert (entry["ticket"], entry["details"]["password"], entry["details"]["factors"]) == ("T-17", "show", 1)
    assert shell.json("undo", done["event"])["restored"][0]["login"] == "ana"
    table = shell("reset", "ana", *REASON, "--yes")
    assert "secconsole undo" in table.out


def test_it_asks_first_and_a_dry_run_changes_nothing(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    dry = shell("reset", "ana", "--dry-run", "--show-password")
    assert (dry.code, "a one-time password is shown" in dry.out, "not checked" in dry.out) == (0, True, True)
    refused = shell("reset", "ana", *REASON)
    assert (refused.code, "confirm with --yes" in refused.err) == (2, True)
    assert shell("reset", "ana", "--yes").code == 2
    assert shell("reset", "nobody", *REASON, "--yes").code == 4
    assert shell("reset", "ana", *REASON, "--password", "--show-password", "--yes").code == 2
    no_mail = shell("reset", "ana", *REASON, "--password", "--yes")
    assert (no_mail.code, "No password can be mailed" in no_mail.err) == (5, True)
    assert shell.status("ana") == "bound"


def test_the_limits_and_the_need_above_user_are_parts_of_the_policy(shell: Shell) -> None:
    options = ("--resets-warn", "1", "--resets-most", "2", "--unbind-admins-need", "approval")
    policy = shell.json("policy", "set", *options)
    assert (policy["resets_warn"], policy["resets_most"], policy["unbind_admins_need"]) == (1, 2, "approval")
    assert shell("policy", "set", "--resets-warn", "3").code == 2
    shell.create("ana")
    shell.bind("ana")
    assert "1 user within an hour" in shell("reset", "ana", *REASON, "--yes").err


def test_a_caller_with_nothing_on_record_needs_a_second_person(shell: Shell) -> None:
    shell.create("ana")
    refused = shell("caller-check", "start", "ana")
    assert (refused.code, "secconsole approval request" in refused.err) == (5, True)
    asked = shell.json("approval", "request", "ana", *REASON, "--kind", "reset")
    assert (asked["kind"], asked["ticket"]) == ("reset", "T-17")
