"""`caller-check`."""

from __future__ import annotations

from tests.cli.conftest import Shell, code


def test_a_code_of_their_own_app_checks_a_caller_and_is_part_of_the_next_act(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    assert shell("caller-check", "confirm", "ana", input="123456\n").code == 5
    started = shell.json("caller-check", "start", "ana", "--channel", "totp")
    assert (started["sent"], started["check"]["channel"]) == (False, "totp")
    assert shell("caller-check", "confirm", "ana", input="000000\n").code == 1
    assert shell.json("caller-check", "confirm", "ana", input=code(seed, 1))["accepted"]
    done = shell.json("unbind", "ana", "--reason", "lost phone", "--bypass", "60", "--yes")
    assert (done["caller_check"]["channel"], done["bypass"]["login"]) == ("totp", "ana")


def test_nothing_on_record_is_exit_1_and_another_address_is_not_found(shell: Shell) -> None:
    shell.create("ana")
    shown = shell("caller-check", "show", "ana")
    assert (shown.code, "second person" in shown.err) == (1, True)
    assert shell("caller-check", "start", "ana").code == 5
    shell.bind("ana")
    assert shell("caller-check", "start", "ana", "--channel", "email").code == 4
    assert shell.json("caller-check", "show", "ana")["ways"][0]["channel"] == "totp"
