"""`user`: listing, showing and changing users."""

from __future__ import annotations

import csv
import io
import re

from tests.cli.conftest import PASSWORD, Shell


def test_a_list_in_json_has_the_contracts_keys(shell: Shell) -> None:
    shell.create("ana")
    found = shell.json("user", "list", "--tenant", "acme", "--status", "unbound", "--search", "ana")
    assert found["next"] is None
    (ana,) = found["items"]
    assert list(ana) == [
        "id",
        "login",
        "name",
        "email",
        "phone",
        "role",
        "status",
        "flags",
        "factors",
        "last_sign_in",
        "mfa_required",
        "locked_for",
    ]
    assert (ana["login"], ana["status"], ana["flags"], ana["last_sign_in"]) == ("ana", "unbound", [], None)


def test_a_list_continues_from_its_cursor(shell: Shell) -> None:
    shell.create("ana", "bob", "eve")
    first = shell.json("user", "list", "--limit", "3")
    assert [u["login"] for u in first["items"]] == ["ana", "bob", "eve"]
    rest = shell.json("user", "list", "--cursor", first["next"])
    assert [u["login"] for u in rest["items"]] == ["root"]
    everyone = shell.json("user", "list", "--all", "--descending")
    assert [u["login"] for u in everyone["items"]] == ["root", "eve", "bob", "ana"]


def test_a_list_longer_than_a_page_is_complete(shell: Shell) -> None:
    people = "login\n" + "".join(f"u{number:04}\n" for number in range(1200))
    assert shell("user", "import", "-", input=people).code == 0
    everyone = shell.json("user", "list", "--all")["items"]
    assert [u["login"] for u in everyone] == ["root", *(f"u{number:04}" for number in range(1200))]
    some = shell.json("user", "list", "--limit", "700")
    assert len(some["items"]) == 700
    assert some["next"]


def test_a_table_counts_the_remaining_items(shell: Shell) -> None:
    shell.create("ana", "bob")
    answer = shell("user", "list", "--limit", "1")
    assert answer.out.splitlines()[0].split() == [
        "Login",
        "Name",
        "Status",
        "Flags",
        "Factors",
        "Role",
        "Last",
        "sign",
        "in",
    ]
    assert answer.out.splitlines()[1].split()[:3] == ["ana", "-", "unbound"]
    assert answer.err.startswith("1 of 3 users. For more, use --all, or --cursor ")
    assert shell("user", "list", "--search", "nobody").out == "None.\n"


def test_options_and_search_words_are_combined(shell: Shell) -> None:
    shell.create("ana", "hana", role="helpdesk")
    shell.create("anastasia")
    found = shell.json("user", "list", "--search", "ana role:helpdesk")["items"]
    assert [u["login"] for u in found] == ["ana", "hana"]
    assert shell.json("user", "list", "--search", "ana", "--role", "user")["items"][0]["login"] == "anastasia"
    answer = shell("user", "list", "--search", "status:lost")
    assert (answer.code, answer.err) == (
        2,
        "--search is invalid: status:lost: not one of bound, pending, unbound.\n",
    )


def test_csv_has_every_column_and_ends_lines_as_rfc_4180_does(shell: Shell) -> None:
    shell("user", "create", "ana", "--name", "Ana\nof Acme", "--phone", "+420601123456")
    text = shell("user", "list", "--format", "csv").out
    header, ana, _ = csv.reader(io.StringIO(text, newline=""))
    assert header == [
        "id",
        "login",
        "name",
        "email",
        "phone",
        "role",
        "status",
        "flags",
        "factors",
        "last_sign_in",
        "mfa_required",
        "locked_for",
    ]
    assert ana[1:6] == ["ana", "Ana\nof Acme", "", "'+420601123456", "user"]
    assert text.count("\r\n") == 3


def test_show_has_every_detail_in_every_format(shell: Shell) -> None:
    shell("user", "create", "ana", "--name", "Ana Lindqvist", "--email", "ana@acme.example")
    detail = shell.json("user", "show", "ana")
    assert detail["user"]["name"] == "Ana Lindqvist"
    assert detail["created"].endswith("Z")
    assert detail["has_password"] is False
    table = shell("user", "show", detail["user"]["id"]).out
    assert re.search(r"^Name +Ana Lindqvist$", table, re.MULTILINE)
    assert shell("user", "show", "ana", "--format", "csv").out.splitlines()[1].split(",")[1] == "ana"


def test_a3_a_number_entered_for_a_user_is_shown_as_not_verified_and_found_by_its_kind(shell: Shell) -> None:
    shell.create("ana")
    shell.create("bob")
    shell("factor", "enroll", "ana", "--kind", "sms", "--phone", "+15005550009", "--label", "work")
    shell("factor", "enroll", "ana", "--kind", "email", "--email", "ana@home.example")
    shell("user", "require-mfa", "ana")
    table = shell("user", "show", "ana").out
    assert re.search(r'Factor \w+  sms  pending  ••• 009 "work"  added .*, not verified until first used\n', table)
    assert re.search(r"Required +yes\n", table)
    assert "5005550009" not in table
    detail = shell.json("user", "show", "ana")
    assert (detail["user"]["status"], detail["user"]["mfa_required"], detail["tokens"]) == ("pending", True, 0)
    for kind, found in (("sms", ["ana"]), ("email", ["ana"]), ("totp", [])):
        listed = shell.json("user", "list", "--factor", kind)["items"]
        assert [user["login"] for user in listed] == found, kind
        assert [user["login"] for user in shell.json("user", "list", "--search", f"factor:{kind}")["items"]] == found


def test_changes_of_a_user(shell: Shell) -> None:
    shell.create("ana")
    assert shell.json("user", "disable", "ana", "--reason", "left", "--yes")["user"]["flags"] == ["disabled"]
    assert shell.json("user", "enable", "ana")["user"]["flags"] == []
    assert shell.json("user", "role", "ana", "helpdesk", "--yes")["user"]["role"] == "helpdesk"
    assert shell.json("user", "unlock", "ana")["user"]["login"] == "ana"
    assert shell("user", "require-mfa", "ana").code == 0
    assert shell.json("user", "show", "ana")["mfa_required"] is True
    assert shell("user", "require-mfa", "ana", "--off").code == 0
    assert shell.json("user", "show", "ana")["mfa_required"] is False


def test_a_one_time_password_is_shown_on_request(shell: Shell) -> None:
    shell.create("ana")
    reset = shell.json("user", "reset-password", "ana")
    assert len(reset["password"]) >= 8
    assert reset["user"]["flags"] == ["must-reset"]
    csv_form = shell("user", "reset-password", "ana", "--format", "csv").out
    assert csv_form.startswith("login,password\r\nana,")


def test_a_first_password_comes_from_standard_input(shell: Shell) -> None:
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    assert shell.json("user", "show", "ana")["has_password"] is True
    answer = shell("user", "create", "bob", "--password-stdin", input="short\n")
    assert answer.code == 2
    assert "too short" in answer.err
    assert shell("user", "show", "bob").code == 4


def test_a_taken_login_is_a_conflict(shell: Shell) -> None:
    shell.create("ana")
    assert shell("user", "create", "ANA").code == 5


def test_show_names_the_networks_that_an_account_is_locked_for(shell: Shell) -> None:
    shell.create("ana")
    for _ in range(6):
        assert shell("sign-in", "ana", "--tenant", "acme", input="not this one\n").code == 3
    shown = shell.json("user", "show", "ana")
    (hold,) = shown["holds"]
    assert (shown["failures"], shown["locked"], shown["known_networks"]) == (5, True, 0)
    assert (hold["bucket"], hold["failures"], hold["until"]) == ("strangers", 5, shown["locked_until"])
    assert shown["user"]["locked_for"] == ["strangers"]
    assert "strangers, 5 wrong entries, until 2" in shell("user", "show", "ana").out
    listed = {u["login"]: u["locked_for"] for u in shell.json("user", "list")["items"]}
    assert listed == {"ana": ["strangers"], "root": []}
    explained = shell.json("policy", "explain", "ana", "--from", "203.0.113.9")
    assert (explained["outcome"], explained["bucket"], explained["locked_for"]) == (
        "refused",
        "strangers",
        ["strangers"],
    )
    assert shell("user", "unlock", "ana").code == 0
    assert shell.json("user", "show", "ana")["holds"] == []


def test_rename_shows_the_change_first(shell: Shell) -> None:
    shell.create("mlind")
    assert shell("user", "rename", "mlind").code == 2
    assert "login from mlind to maria" in shell("user", "rename", "mlind", "--login", "maria", "--dry-run").out
    assert shell("user", "rename", "mlind", "--login", "maria").code == 2
    shell.create("ben")
    assert shell("user", "rename", "mlind", "--login", "BEN", "--dry-run").code == 5
    assert shell("user", "rename", "mlind", "--phone", "12", "--dry-run").code == 2
    assert "bеn looks like ben, id " in shell("user", "rename", "mlind", "--login", "bеn", "--dry-run").err
    renamed = shell.json("user", "rename", "mlind", "--login", "maria", "--name", "Maria Lindqvist", "--yes")
    assert (renamed["user"]["login"], renamed["user"]["name"]) == ("maria", "Maria Lindqvist")
    assert shell("user", "show", "mlind").code == 4
