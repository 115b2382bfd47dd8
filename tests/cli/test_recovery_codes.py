"""`recovery-codes`."""

from __future__ import annotations

import re

from tests.cli.conftest import PASSWORD, Shell, code

FORM = re.compile(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){4}")


def test_ten_codes_each_of_which_verifies_once(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    made = shell.json("recovery-codes", "ana", "--tenant", "acme")
    assert len(made["codes"]) == 10
    assert all(FORM.fullmatch(one) for one in made["codes"])
    for one in made["codes"]:
        assert shell("verify", "ana", input=one).code == 0
        assert shell("verify", "ana", input=one).code == 1
    assert shell.json("user", "show", "ana")["recovery_left"] == 0


def test_a_typed_recovery_code_reports_how_many_are_left(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    lines = shell("recovery-codes", "ana").out.splitlines()
    assert len(lines) == 10
    answer = shell("verify", "ana", input=lines[0].lower().replace("-", " ") + "\n")
    assert (answer.code, answer.out.count("9 are left")) == (0, 1)
    assert re.search(r"Recovery +9 codes left", shell("user", "show", "ana").out)
    rows = shell("recovery-codes", "ana", "--format", "csv").out.splitlines()
    assert (rows[0], len(rows)) == ("code,created", 11)


def test_a50_a_dry_run_lists_what_would_become_invalid_and_changes_nothing(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    nothing = shell.json("recovery-codes", "ana", "--dry-run")
    assert nothing["items"] == []
    (first, *_) = shell.json("recovery-codes", "ana")["codes"]
    for options in (("--dry-run",), ("--dry-run", "--yes")):
        seen = shell("recovery-codes", "ana", *options)
        assert seen.code == 0
        assert "ana has 10 recovery codes left. They stop working." in seen.out
    (affected,) = shell.json("recovery-codes", "ana", "--dry-run")["items"]
    assert (affected["login"], affected["recovery_codes"], affected["change"]) == ("ana", 10, "replaced")
    assert shell.json("user", "show", "ana")["recovery_left"] == 10
    assert shell("verify", "ana", input=first).code == 0
    assert shell("recovery-codes", "nobody", "--dry-run").code == 4
    assert shell("recovery-codes", "--view", "--dry-run").code == 2


def test_users_without_a_factor_get_no_recovery_codes(shell: Shell) -> None:
    shell.create("ana")
    answer = shell("recovery-codes", "ana")
    assert (answer.code, answer.out) == (5, "")
    assert "Bind one first" in answer.err
    assert shell("recovery-codes").code == 2
    assert shell("recovery-codes", "nobody").code == 4


def test_a_recovery_code_signs_in_and_own_codes_can_be_viewed_if_the_policy_allows_it(shell: Shell) -> None:
    once = shell.json("user", "reset-password", "root")["password"]
    seed = shell.bind("root")
    assert shell.json("policy", "set", "optional", "--recovery-view")["recovery_view"] is True
    codes = shell.json("recovery-codes", "root")["codes"]
    assert shell("recovery-codes", "--view").code == 5  # the owner of the store has none
    assert "Recovery codes" not in shell("account", "show").out
    typed = f"{once}\n{PASSWORD}\n{code(seed, 1)}"
    assert shell("sign-in", "root", "--tenant", "acme", input=typed).code == 0
    assert shell.json("recovery-codes", "--view")["codes"] == codes
    assert shell("recovery-codes", "root", "--view").code == 2
    assert shell("sign-out").code == 0
    answer = shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n{codes[0]}\n")
    assert answer.code == 0
    assert "9 are left" in answer.err
    assert shell.json("recovery-codes", "--view")["codes"] == codes[1:]
    shown = shell("account", "show").out
    assert re.search(r"Proof valid until +20", shown)
    assert re.search(r"Recovery codes +9", shown)
    newer = shell.json("recovery-codes")  # the user's own
    assert (len(newer["codes"]), newer["voided"]) == (10, 9)
    assert shell.json("recovery-codes", "--view")["codes"] == newer["codes"]
    assert shell("policy", "set", "--no-recovery-view").code == 0
    assert shell("recovery-codes", "--view").code == 5
