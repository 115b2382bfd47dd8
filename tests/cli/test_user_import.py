"""`user import` and `user export`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Shell

GOOD = 'login,name,email,phone,role\nana,"Lindqvist, Ana",ana@acme.example,+420601123456,user\nbob,Bob,,,helpdesk\n'
MIXED = GOOD + "bad login,,,,\neve,Eve,nowhere,,\nmax,Max,,,\n"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_imported_users_are_counted_and_a_repeat_changes_nothing(shell: Shell, people: Path) -> None:
    people.write_text(GOOD)
    assert shell.json("user", "import", str(people), "--tenant", "acme") == {
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": [],
    }
    assert shell.json("user", "import", str(people)) == {"created": 0, "updated": 0, "unchanged": 2, "rejected": []}
    people.write_text(GOOD.replace("helpdesk", "auditor"))
    assert shell.json("user", "import", str(people)) == {"created": 0, "updated": 1, "unchanged": 1, "rejected": []}
    assert shell.json("user", "show", "bob")["user"]["role"] == "auditor"


def test_bad_lines_are_reported_and_good_ones_imported(shell: Shell, people: Path) -> None:
    people.write_text(MIXED)
    answer = shell("user", "import", str(people), "--format", "json")
    assert answer.code == 7
    assert answer.json["created"] == 3
    assert [(r["line"], r["login"]) for r in answer.json["rejected"]] == [(4, "bad login"), (5, "eve")]
    assert all(r["reason"].endswith(".") or r["reason"] for r in answer.json["rejected"])
    assert [u["login"] for u in shell.json("user", "list")["items"]] == ["ana", "bob", "max", "root"]


def test_with_all_or_nothing_one_bad_line_imports_nothing(shell: Shell, people: Path) -> None:
    people.write_text(MIXED)
    answer = shell("user", "import", str(people), "--all-or-nothing", "--format", "json")
    assert answer.code == 5
    assert (answer.json["created"], len(answer.json["rejected"])) == (0, 2)
    assert answer.err == "Nothing was imported because 2 lines are rejected. Correct them and try again.\n"
    assert [u["login"] for u in shell.json("user", "list")["items"]] == ["root"]
    people.write_text(GOOD)
    assert shell.json("user", "import", str(people), "--all-or-nothing")["created"] == 2
    assert len(shell.json("user", "list")["items"]) == 3


def test_all_or_nothing_spans_batches(shell: Shell) -> None:
    lines = [f"u{number:05}" for number in range(4500)]
    bad = "\n".join(["login", *lines, "bad login"]) + "\n"
    answer = shell("user", "import", "-", "--all-or-nothing", input=bad)
    assert (answer.code, len(shell.json("user", "list")["items"])) == (5, 1)
    good = "\n".join(["login", *lines]) + "\n"
    assert shell.json("user", "import", "-", "--all-or-nothing", input=good)["created"] == 4500


def test_a_dry_run_reports_the_outcome_and_writes_nothing(shell: Shell, people: Path) -> None:
    people.write_text(MIXED)
    answer = shell("user", "import", str(people), "--dry-run", "--format", "json")
    assert (answer.code, answer.json["created"], len(answer.json["rejected"])) == (7, 3, 2)
    assert len(shell.json("user", "list")["items"]) == 1


def test_tables_and_csv_list_the_rejected_lines(shell: Shell, people: Path) -> None:
    people.write_text(MIXED)
    table = shell("user", "import", str(people)).out
    assert table.splitlines()[:4] == ["Created    3", "Updated    0", "Unchanged  0", "Rejected   2"]
    assert table.splitlines()[6].startswith("   4  bad login  ")
    assert shell("user", "import", str(people), "--format", "csv").out.startswith("line,login,reason\r\n4,bad login,")


def test_progress_is_for_terminals_only(shell: Shell) -> None:
    people = "login\n" + "".join(f"u{number:04}\n" for number in range(2100))
    assert shell("user", "import", "-", input=people).err == (
        "2,100 users have no password and cannot sign in yet. "
        "Invite them: secconsole user invite --all-without-password\n"
    )
    assert shell("user", "import", "-", input=people).err == "", "nobody is new"


def test_a_file_of_another_format_is_wrong_usage(shell: Shell, people: Path) -> None:
    assert shell("user", "import", str(people)).err == f"{people} cannot be read: No such file or directory.\n"
    people.write_bytes(b"name\nAna\n")
    answer = shell("user", "import", str(people))
    assert answer.code == 2
    assert answer.err.startswith("Line 1: the column login is missing.")
    assert answer.err.count("\n") == 1


def test_imported_passwords_sign_in(shell: Shell) -> None:
    shell("user", "import", "-", input=f"login,password\nana,{PASSWORD}\n")
    answer = shell("sign-in", "ana", "--tenant", "acme", "--format", "json", input=f"{PASSWORD}\n")
    assert answer.json["login"] == "ana"


def test_a44_an_export_can_be_imported_and_contains_no_formulas(shell: Shell, nowhere: Shell) -> None:
    names = ["=cmd|' /C calc'!A0", "'=quoted", "Ana\r\nLindqvist", 'say "hi", ok', "@here", "-1", "日本"]
    for number, name in enumerate(names):
        assert shell("user", "create", f"u{number}", "--name", name, "--phone", "+420601123456").code == 0
    before = shell.json("user", "list", "--all")["items"]
    text = shell("user", "export").out
    assert text.startswith("login,name,email,phone,role\r\n")
    assert "u0,'=cmd|' /C calc'!A0,,'+420601123456,user\r\n" in text
    assert shell.json("user", "import", "-", input=text) == {
        "created": 0,
        "updated": 0,
        "unchanged": len(names) + 1,
        "rejected": [],
    }
    assert shell("tenant", "create", "beta").code == 0
    assert shell("user", "import", "-", "--tenant", "beta", input=text).code == 0
    after = shell.json("user", "list", "--all", "--tenant", "beta")["items"]
    kept = ("login", "name", "phone", "role")
    assert [[u[k] for k in kept] for u in after] == [[u[k] for k in kept] for u in before]


def test_an_export_in_json_is_a_list(shell: Shell) -> None:
    assert shell.json("user", "export") == {
        "items": [{"login": "root", "name": "", "email": "", "phone": "", "role": "platform-admin"}],
        "next": None,
    }


def test_demoting_the_last_platform_administrator_rejects_the_whole_import(shell: Shell, people: Path) -> None:
    people.write_text("login,name,role\n" + "".join(f"u{i:04d},,user\n" for i in range(2500)) + "root,Root,user\n")
    for options, code, created in ((["--dry-run"], 7, 2500), (["--all-or-nothing"], 5, 0), ([], 7, 2500)):
        answer = shell("user", "import", str(people), *options, "--format", "json")
        assert (answer.code, answer.json["created"]) == (code, created), options
        assert [(r["line"], r["login"]) for r in answer.json["rejected"]] == [(2502, "root")]
        assert "last platform administrator" in answer.json["rejected"][0]["reason"]
        assert len(shell.json("user", "list", "--all")["items"]) == (1 if options else 2501)


@pytest.mark.parametrize("options", [["--dry-run"], ["--all-or-nothing"], ["--dry-run", "--all-or-nothing"]])
def test_administrators_are_counted_over_all_batches_before_the_first_write(
    shell: Shell, people: Path, options: list[str]
) -> None:
    assert shell("user", "create", "petra", "--role", "platform-admin").code == 0
    filler = "".join(f"u{i:04d},,user\n" for i in range(2500))
    people.write_text(f"login,name,role\nPETRA,,user\n{filler}root,Root,user\n")
    answer = shell("user", "import", str(people), *options, "--format", "json")
    assert [r["line"] for r in answer.json["rejected"]] == [2503]
    assert answer.code == (5 if "--all-or-nothing" in options else 7)
    listed = shell.json("user", "list", "--all")["items"]
    assert [user["role"] for user in listed] == ["platform-admin", "platform-admin"]


def test_imported_users_are_found_without_case_and_accents(shell: Shell, people: Path) -> None:
    people.write_text(
        "login,name\nu1,Åsa Öberg\nu2,Ólafur Þór\nu3,Илья Петров\nu4,Hana Králová\nu5,İBRAHİM ÇELİK\n", encoding="utf-8"
    )
    assert shell.json("user", "import", str(people), "--tenant", "acme")["created"] == 5
    for term, login in (
        ("åsa", "u1"),
        ("öberg", "u1"),
        ("óla", "u2"),
        ("илья", "u3"),
        ("KRÁLOVÁ", "u4"),
        ("kralova", "u4"),
        ("ibrahim", "u5"),
        ("olafur thor", "u2"),
        ("ce", "u5"),
    ):
        found = shell.json("user", "list", "--search", term)
        assert [user["login"] for user in found["items"]] == [login], term
