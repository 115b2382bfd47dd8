"""`factor` and `verify`."""

from __future__ import annotations

import re

from tests.cli.conftest import Shell, code


def test_a_factor_is_active_once_a_code_is_confirmed(shell: Shell) -> None:
    shell.create("ana")
    started = shell.json("factor", "enroll", "ana", "--kind", "totp", "--tenant", "acme")
    assert list(started) == ["enrollment", "kind", "uri", "key", "expires"]
    assert started["uri"].startswith("otpauth://totp/")
    assert re.fullmatch("[A-Z2-7]{32}", started["key"])
    assert started["expires"].endswith("Z")
    assert shell.status("ana") == "pending"
    wrong = shell("factor", "confirm", started["enrollment"], input="000000\n")
    assert (wrong.code, shell.status("ana")) == (1, "pending")


def test_a01_a_code_is_accepted_once(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    assert shell.status("ana") == "bound"
    assert shell("verify", "ana", "--tenant", "acme", input=code(seed)).code == 1
    assert shell("verify", "ana", input=code(seed, 1)).code == 0
    assert shell("verify", "ana", input=code(seed, 1)).code == 1


def test_a03_only_the_exact_digits_are_a_code(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    digits = code(seed, 1).strip()
    for spelled in (f"_{digits}", f"{digits[:3]}_{digits[3:]}", f"+{digits}", digits.translate(ARABIC)):
        assert shell("verify", "ana", input=f"{spelled}\n").code == 1
    assert shell("verify", "ana", input=digits).code == 0


ARABIC = {ord("0") + n: chr(0x660 + n) for n in range(10)}


def test_a_verdict_in_every_format(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    wrong = shell("verify", "ana", "--format", "json", input="000000\n")
    assert wrong.code == 1
    assert wrong.json["accepted"] is False
    table = shell("verify", "ana", input="000000\n").out
    assert re.search(r"Server time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d\.\n", table)
    right = shell("verify", "ana", "--format", "csv", input=code(seed, 1)).out
    assert right.splitlines()[1].startswith("true,")


def test_a_code_is_required(shell: Shell) -> None:
    shell.create("ana")
    assert shell("verify", "ana").err == "There is no code on standard input.\n"
    assert shell("verify", "ana", input=b"\xff\n").code == 2
    assert shell("verify", "ana", input="1" * 5000).code == 2
    assert shell("verify", "nobody", input="123456\n").code == 4


def test_factors_are_listed_without_their_seeds_and_removed(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    answer = shell("factor", "list", "ana", "--format", "json")
    (factor,) = answer.json["items"]
    assert (factor["kind"], factor["state"], factor["exhausted"]) == ("totp", "active", False)
    assert seed.reveal().hex() not in answer.out
    assert shell.json("factor", "remove", factor["id"], "--yes")["items"] == []
    assert shell.status("ana") == "unbound"
    assert shell("factor", "remove", factor["id"], "--yes").code == 4


def test_the_qr_code_is_drawn_with_the_key_in_groups(shell: Shell) -> None:
    shell.create("ana")
    answer = shell("factor", "enroll", "ana", "--qr")
    assert "\x1b[30;47;107m" in answer.out
    assert re.search(r"^Key +([A-Z2-7]{4} ){7}[A-Z2-7]{4}$", answer.out, re.MULTILINE)
    assert re.search(r"^Then +secconsole factor confirm [0-9A-Z]{26}$", answer.out, re.MULTILINE)
    assert answer.out.endswith("\x1b[0m\n")
    assert shell("factor", "enroll", "ana", "--qr", "--format", "json").code == 2


def test_an_address_requires_a_matching_kind(shell: Shell) -> None:
    shell.create("ana")
    assert shell("factor", "enroll", "ana", "--phone", "+15005550009").code == 2


def test_a_factor_is_renamed(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    (factor,) = shell.json("factor", "list", "ana")["items"]
    assert shell.json("factor", "rename", factor["id"], "Pixel 8")["items"][0]["label"] == "Pixel 8"
    assert shell("factor", "rename", factor["id"], "x" * 200).code == 2
    assert shell("factor", "rename", "nothing", "Pixel 8").code == 4


def test_a_key_cannot_be_mailed_before_mail_is_set_up(shell: Shell) -> None:
    assert shell("user", "create", "ana", "--email", "ana@acme.example").code == 0
    started = shell.json("factor", "enroll", "ana")
    answer = shell("factor", "mail-key", started["enrollment"], "--format", "json")
    assert (answer.code, answer.json["sent"], answer.json["masked"]) == (1, False, "a•••@acme.example")
    assert "Mail is not set up here" in answer.json["message"]
    assert started["key"] not in answer.out
