"""`bypass`."""

from __future__ import annotations

import re

from tests.cli.conftest import PASSWORD, Shell

FORM = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}")
REASON = ("--reason", "phone at home")


def test_a_code_signs_in_once(shell: Shell) -> None:
    shell.create("uma")
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    shell.bind("ana")
    assert shell("policy", "set", "required").code == 0
    answer = shell("bypass", "ana", *REASON, "--minutes", "45")
    assert answer.code == 0, answer.err
    code = answer.out.strip()
    assert FORM.fullmatch(code)
    assert "ana can sign in with it once" in answer.err
    typed = f"{PASSWORD}\n{code.lower().replace('-', '')}\n"
    signed_in = shell("sign-in", "ana", "--tenant", "acme", input=typed)
    assert signed_in.code == 0, signed_in.err
    assert shell("sign-out").code == 0
    assert shell("sign-in", "ana", "--tenant", "acme", input=typed + f"{code}\n{code}\n").code == 3


def test_its_json_has_the_code_and_when_it_works(shell: Shell) -> None:
    shell.create("ana")
    made = shell.json("bypass", "ana", *REASON, "--minutes", "5")
    assert set(made) == {"id", "login", "caller_check", "code", "starts", "until", "replaced", "message"}
    assert FORM.fullmatch(made["code"])
    assert shell("bypass", "ana", *REASON, "--from", "2099-01-01").code == 2
    assert shell.json("bypass", "ana", *REASON, "--from", "00:00")["replaced"]


def test_every_mistake_has_its_exit_code(shell: Shell) -> None:
    shell.create("ana")
    assert shell("bypass", "ana").code == 2
    assert shell("bypass", "nobody", *REASON).code == 4
    assert shell("bypass", "ana", *REASON, "--minutes", "1441").code == 2
    assert shell("bypass", "ana", *REASON, "--from", "soon").code == 2
    assert shell("bypass", "ana", "--revoke", *REASON).code == 2
    assert shell("bypass", "ana", "--revoke").code == 5
    assert shell("policy", "set", "--bypass-most", "10").code == 0
    refused = shell("bypass", "ana", *REASON, "--minutes", "11")
    assert (refused.code, refused.err) == (2, "A bypass code lasts at least 1 minute, and at most 10 minutes here.\n")


def test_it_is_revoked(shell: Shell) -> None:
    shell.create("ana")
    rows = shell("bypass", "ana", *REASON, "--format", "csv").out.splitlines()
    assert rows[0] == "login,id,code,starts,until,replaced"
    assert shell.json("bypass", "ana", "--revoke")["login"] == "ana"
    assert shell.json("user", "show", "ana")["bypass"] is None
