"""`text`: the words of messages, and a company's own."""

from __future__ import annotations

from secconsole.delivery.text_files import FORMS
from tests.cli.conftest import Shell


def test_all_texts_are_listed_and_shown_as_a_file_of_ones_own_is_written(nowhere: Shell) -> None:
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
    assert "{everybody} in line 1 is not filled in" in rows["notice-recovery-used"]["problem"]
    assert nowhere.json("text", "show", "contact")["subject"] == ""
    assert nowhere("text", "show", "code-pigeon").code == 4
