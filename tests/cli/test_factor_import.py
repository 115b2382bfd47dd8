"""`factor import`: files of other programs, with a map, a password and a dry run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.seeds import samples

USERS = "login\nana\nbob\n"


@pytest.fixture
def file(shell: Shell, tmp_path: Path) -> Path:
    people = tmp_path / "people.csv"
    people.write_text(USERS)
    shell.json("user", "import", str(people))
    return tmp_path / "keys"


def test_a_dry_run_tells_of_each_line_and_writes_nothing(shell: Shell, file: Path) -> None:
    file.write_text(samples.OTPAUTH + samples.OTPAUTH.replace("ana", "eve") + "otpauth://totp/bob?secret=1\n")
    answer = shell("factor", "import", str(file), "--dry-run", "--format", "json")
    assert answer.code == 7
    assert [item["state"] for item in answer.json["items"]] == ["taken", "waits", "refused"]
    assert shell.json("factor", "list", "ana")["items"] == []
    assert samples.BASE32 not in answer.out + answer.err


def test_an_import_is_done_once(shell: Shell, file: Path) -> None:
    file.write_text(samples.OTPAUTH)
    first = shell.json("factor", "import", str(file))
    again = shell.json("factor", "import", str(file))
    assert (first["taken"], first["known"], again["taken"], again["known"]) == (1, 0, 0, 1)
    (factor,) = shell.json("factor", "list", "ana")["items"]
    assert (factor["state"], factor["label"]) == ("active", "Acme")


def test_serial_numbers_are_mapped_to_logins(shell: Shell, file: Path, tmp_path: Path) -> None:
    file.write_text(samples.OATH)
    table = tmp_path / "serials.csv"
    table.write_text("serial,login\ntoken02,ana\ntoken03,bob\n")
    answer = shell("factor", "import", str(file), "--format", "oath-csv", "--map", str(table), "--format", "json")
    assert answer.code == 7
    assert [(i["user"], i["serial"], i["state"]) for i in answer.json["items"]] == [
        ("", "token01", "waits"),
        ("ana", "token02", "taken"),
        ("bob", "token03", "taken"),
    ]


def test_the_owner_of_a_pam_file_is_its_user(shell: Shell, file: Path) -> None:
    file.write_text(samples.PAM)
    answer = shell("factor", "import", str(file), "--format", "json")
    assert answer.json["items"][0]["user"] == file.owner()
    assert answer.json["items"][0]["state"] in ("taken", "waits")


def test_an_encrypted_file_takes_its_key_from_standard_input(shell: Shell, file: Path) -> None:
    file.write_text(samples.privacyidea())
    refused = shell("factor", "import", str(file))
    assert (refused.code, "pi-tokenjanitor printed" in refused.err) == (2, True)
    done = shell("factor", "import", str(file), "--password-stdin", "--format", "json", input=samples.FERNET_KEY + "\n")
    assert done.json["taken"] == 1
    assert samples.FERNET_KEY not in done.out + done.err
