"""`approval`, and what unbinding needs by the policy."""

from __future__ import annotations

from tests.cli.conftest import Shell

REASON = ("--reason", "lost phone")


def test_one_does_not_approve_what_one_asked_for(shell: Shell) -> None:
    shell.create("ana")
    shell.bind("ana")
    assert shell.json("policy", "set", "--unbind-needs", "approval")["unbind_needs"] == "approval"
    refused = shell("unbind", "ana", *REASON)
    assert (refused.code, "second person" in refused.err) == (3, True)
    asked = shell.json("approval", "request", "ana", *REASON, "--ticket", "T-17")
    assert (asked["state"], asked["login"], asked["own"]) == ("pending", "ana", True)
    assert [item["id"] for item in shell.json("approval", "list")["items"]] == [asked["id"]]
    for answer in ("grant", "deny"):
        assert shell("approval", answer, asked["id"]).code == 3
    assert shell("approval", "grant", "01M80MR4P80000000000000000").code == 4
    assert shell("approval", "request", "ana").code == 2
    assert shell.status("ana") == "bound"
    assert shell("policy", "set", "--unbind-needs", "none").code == 0
    assert shell("unbind", "ana", *REASON).code == 0
