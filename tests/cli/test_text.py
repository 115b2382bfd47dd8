"""`text`: the texts of messages, and an organisation's own."""

from __future__ import annotations

from secconsole.delivery.text_files import FORMS
from tests.cli.conftest import Shell


def test_all_texts_are_listed_and_shown_in_the_format_of_custom_files(nowhere: Shell) -> None:
    assert {row["name"] for row in nowhere.json("text", "list")["items"]} == set(FORMS)
    shown = nowhere("text", "show", "notice-recovery-used").out
    folder = nowhere.home / "texts"
    folder.mkdir(parents=True)
    path = folder / "notice-recovery-used.txt"
    path.touch(mode=0o600)
    path.write_text(shown)
    rows = {row["name"]: row for row in nowhere.json("text", "list")["items"]}
    assert (rows["notice-recovery-used"]["own"], rows["notice-recovery-used"]["problem"]) == (True, "")
    assert nowhere("text", "show", "notice-recovery-used").out == shown
    path.write_text("Hello {everybody}\n\n{contact}\n")
    rows = {row["name"]: row for row in nowhere.json("text", "list")["items"]}
    assert rows["notice-recovery-used"]["own"] is False
    assert "line 1 has unknown placeholders: {everybody}." in rows["notice-recovery-used"]["problem"]
    assert nowhere.json("text", "show", "contact")["subject"] == ""
    assert nowhere("text", "show", "code-pigeon").code == 4


def test_d16_a_custom_text_of_two_sms_segments_is_reported(shell: Shell) -> None:
    """A typographic apostrophe leaves 70 of 160 characters, which `doctor` and each command of `text` report."""
    own = "{tenant}: {code} is your sign-in code. It\u2019s valid for {minutes} minutes and once only. Never tell it."
    assert shell("text", "check").code == 0
    folder = shell.home / "texts"
    folder.mkdir(mode=0o700)
    path = folder / "code-sms.txt"
    path.touch(mode=0o600)
    path.write_text(own)
    checked = shell("text", "check")
    assert (checked.code, "of the 70 characters of one SMS" in checked.out) == (1, True)
    rows = {row["name"]: row for row in shell.json("text", "list")["items"]}
    assert "\u2019 is not in the alphabet" in rows["code-sms"]["problem"]
    shown = shell("text", "show", "code-sms")
    assert "Your own text is not used" in shown.err
    assert "\u2019" not in shown.out
    answer = shell("doctor")
    assert (answer.code, "of the 70 characters of one SMS" in answer.out) == (1, True)
    path.write_text(own.replace("\u2019", "'"))
    assert (shell("text", "check").code, shell("doctor").code) == (0, 0)
    assert shell("tenant", "create", "\u0420\u043e\u043c\u0430\u0448\u043a\u0430").code == 0
    assert "code-sms with its name is too long for one SMS" in shell("doctor").out
