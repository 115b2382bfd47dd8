"""`alert`: listing, showing, acknowledging, and the rules with their trial."""

from __future__ import annotations

from tests.cli.conftest import Shell


def raised(shell: Shell) -> None:
    """Change a rule and the policy outside of working hours, which are hardly any."""
    hours = ("--hours", "mon 00:00-00:01", "--zone", "Pacific/Kiritimati")
    assert shell.json("alert", "rule", "set", "out-of-hours", "--on", *hours)["on"]
    assert shell("policy", "set", "off").code == 0


def test_an_alert_is_listed_shown_and_acknowledged(shell: Shell) -> None:
    raised(shell)
    listed = shell.json("alert", "list", "--state", "open")
    (alert,) = listed["items"]
    assert (alert["rule"], alert["state"], alert["events"]) == ("out-of-hours", "open", 2)
    shown = shell.json("alert", "show", alert["id"])
    assert [entry["action"] for entry in shown["entries"]] == ["alert.rule-set", "policy.set"]
    table = shell("alert", "show", alert["id"]).out
    assert "changes out of hours by local:" in table
    assert "policy.set" in table
    assert shell("alert", "acknowledge", alert["id"]).code == 2
    done = shell.json("alert", "acknowledge", alert["id"], "--note", "planned")
    assert (done["state"], done["note"]) == ("acknowledged", "planned")
    assert shell("alert", "acknowledge", alert["id"], "--note", "again").code == 5
    assert shell("alert", "show", "01M80MR4P80000000000000000").code == 4
    assert shell.json("alert", "list", "--state", "open")["items"] == []
    assert shell("alert", "list", "--format", "csv").out.startswith("id,last,state,rule,summary,events")
    assert len(shell.json("alert", "list", "--since", "1h")["items"]) == 1
    assert shell.json("alert", "list", "--since", "2999-01-01")["items"] == []


def test_rules_are_listed_set_and_tried(shell: Shell) -> None:
    rows = {row["rule"]: row for row in shell.json("alert", "rule", "list")["items"]}
    assert (rows["many-failures"]["threshold"], rows["out-of-hours"]["on"]) == (20, False)
    assert shell("alert", "rule", "set", "many-failures").code == 2
    assert shell("alert", "rule", "set", "many-failures", "--threshold", "1").code == 2
    assert shell("alert", "rule", "set", "no-such-rule", "--on").code == 2
    assert shell("alert", "rule", "set", "out-of-hours", "--on").code == 2
    assert shell.json("alert", "rule", "set", "many-failures", "--threshold", "5", "--off")["on"] is False
    raised(shell)  # with the change of many-failures above
    tried = shell.json("alert", "rule", "try", "out-of-hours", "--since", "30d")
    assert (tried["raised"], tried["whole"], len(tried["items"][0]["entries"])) == (1, True, 3)
    never = shell("alert", "rule", "try", "out-of-hours", "--since", "30d", "--hours", "mon-sun 00:00-24:00")
    assert (never.code, never.err.startswith("0 alerts from ")) == (0, True)
    assert shell("alert", "rule", "try", "out-of-hours", "--since", "yesterday").code == 2
