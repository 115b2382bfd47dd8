"""`policy`."""

from __future__ import annotations

from tests.cli.conftest import Shell


def test_a_preview_in_json_is_flat(shell: Shell) -> None:
    shell.create("ana", "bob", "eve")
    shell.bind("ana")
    shell("whitelist", "add", "bob", "--reason", "service account")
    preview = shell.json("policy", "preview", "required", "--tenant", "acme")
    you = preview.pop("you")
    version = preview.pop("version")
    assert preview == {
        "policy": "required",
        "now": "optional",
        "users": 4,
        "bound": 1,
        "pending": 0,
        "unbound": 3,
        "whitelisted": 2,
        "unaffected": preview["unaffected"],
        "must_enroll": preview["must_enroll"],
        "locked_out": 0,
        "weak_only": 0,
        "admins_must_enroll": preview["admins_must_enroll"],
        "grace_days": 0,
        "whitelisted_open": 2,
        "platform_admins_added": 1,
        "always_asked": 0,
        "no_longer_required": 0,
        "sessions": 0,
        "tokens": 0,
        "reminders": False,
        "reminded": 0,
        "reminder_mails": 0,
    }
    assert preview["unaffected"] + preview["must_enroll"] == 4
    assert set(you) == {"login", "bound", "whitelisted", "must_enroll", "locked_out", "by_password"}
    assert isinstance(version, int)


def test_a_preview_changes_nothing_and_reads_well(shell: Shell) -> None:
    table = shell("policy", "preview", "required").out
    assert "Policy              required (now optional)\n" in table
    assert "will not be locked out" in table
    assert shell.json("policy", "show")["policy"] == "optional"
    header, values = shell("policy", "preview", "required", "--format", "csv").out.splitlines()
    assert dict(zip(header.split(","), values.split(","), strict=True))["you_locked_out"] == "false"


def test_set_changes_only_the_given_values(shell: Shell) -> None:
    assert shell.json("policy", "set", "required", "--grace-days", "7")["policy"] == "required"
    assert shell.json("policy", "set", "--grace-days", "3")["policy"] == "required"
    shown = shell.json("policy", "show")
    assert (shown["policy"], shown["grace_days"], shown["kinds"]) == ("required", 3, ["totp"])
    assert shown["changed_by"].startswith("local:")


def test_switching_on_whitelists_platform_administrators(shell: Shell) -> None:
    shell("policy", "set", "optional", "--no-whitelist-admins")
    assert shell.json("whitelist", "list")["items"] == []
    shell("policy", "set", "off")
    shell("policy", "set", "required")
    assert [e["login"] for e in shell.json("whitelist", "list")["items"]] == ["root"]


def test_a47_a_stale_change_is_refused(shell: Shell) -> None:
    seen = str(shell.json("policy", "show")["version"])
    assert shell("policy", "set", "off", "--expect", seen).code == 0
    assert shell("policy", "set", "required", "--expect", seen).code == 5
    assert shell.json("policy", "show")["policy"] == "off"


def test_invalid_values_are_wrong_usage(shell: Shell) -> None:
    for arguments in (["set"], ["set", "on"], ["set", "--kinds", "totp,carrier"], ["set", "--grace-days", "-1"]):
        answer = shell("policy", *arguments)
        assert answer.code == 2
        assert answer.err.count("\n") == 1


def test_explain_says_what_would_happen_and_by_which_rule(shell: Shell) -> None:
    shell.create("ana")
    shell.json("user", "reset-password", "ana")
    shell.bind("ana")
    shell("policy", "set", "required")
    reply = shell.json("policy", "explain", "ana", "--tenant", "acme", "--from", "203.0.113.9")
    assert (reply["outcome"], reply["rule"]) == ("new-password", "password-reset-required")
    assert (reply["then_outcome"], reply["then_rule"]) == ("second-factor", "has-factor")
    assert (reply["login"], reply["address"], reply["facts"]["active_factor"]) == ("ana", "203.0.113.9", True)
    table = shell("policy", "explain", "ana").out
    assert "Asked to choose a new password first. After that: asked for the second factor.\n" in table
    assert "A factor is bound: totp.\n" in table
    assert table.endswith(
        "\n".join([*reply["because"], "", "What to tell the caller", *(f"  {t}" for t in reply["tell"])]) + "\n"
    )
    assert shell("policy", "explain", "ana", "--format", "csv").out.startswith("login,outcome,rule,")
    assert shell("policy", "explain", "ana", "--from", "here").code == 2
    assert shell("policy", "explain", "nobody").code == 4


def test_a_dry_run_says_how_many_mails_reminders_would_be_and_sets_nothing(shell: Shell) -> None:
    shell.create("ana", "ben")
    wanted = ("policy", "set", "required", "--grace-days", "14", "--reminders", "on")
    assert shell.json(*wanted, "--dry-run")["reminder_mails"] == 8
    assert "Reminders" in (table := shell(*wanted, "--dry-run").out)
    assert "at most 8 mails, to 2 users" in table
    assert (shell.json("policy", "show")["policy"], shell.json("policy", "show")["reminders"]) == ("optional", False)
    assert shell.json(*wanted)["reminders"] is True
    assert shell.json("policy", "set", "--reminders", "off")["reminders"] is False
    assert shell("policy", "set", "--reminders", "maybe").code == 2
    assert "{until}" in shell("text", "show", "reminder-email").out
