"""`network`, and what `policy explain` says of networks."""

from __future__ import annotations

from tests.cli.conftest import PASSWORD, Shell


def test_a26_check_says_which_network_and_exits_0_or_1(shell: Shell) -> None:
    shell.create("ana")
    assert shell("network", "check", "203.0.113.9", "ana").code == 0
    added = shell.json("network", "add", "10.0.0.0/8", "--note", "office")
    assert (added["network"]["network"], added["network"]["note"], added["pending_until"]) == (
        "10.0.0.0/8",
        "office",
        None,
    )
    refused = shell("network", "check", "203.0.113.9", "ana")
    assert (refused.code, refused.out) == (
        1,
        "Refused. 203.0.113.9 is in no network that is allowed for the role user.\n",
    )
    allowed = shell("network", "check", "::ffff:10.1.2.3", "ana")
    assert (allowed.code, allowed.out) == (0, "Allowed. 10.1.2.3 is in 10.0.0.0/8 (office).\n")
    found = shell.json("network", "check", "10.1.2.3", "ana")
    assert (found["allowed"], found["ground"], found["network"]["id"]) == (True, "listed", added["network"]["id"])
    assert shell("network", "check", "somewhere", "ana").code == 2
    assert shell("network", "check", "10.1.2.3", "nobody").code == 4
    explained = shell("policy", "explain", "root", "--from", "10.1.2.3").out
    assert "10.1.2.3 is in 10.0.0.0/8 (office).\n" in explained
    assert shell.json("policy", "explain", "root", "--from", "203.0.113.9")["rule"] == "network-not-allowed"


def test_a_network_is_listed_with_everything_and_removed(shell: Shell) -> None:
    assert "every network is allowed" in shell("network", "list").err
    shell("network", "add", "10.0.0.0/8")
    options = ("--role", "helpdesk", "--role", "auditor", "--until", "2127-01-31T00:00Z", "--no-challenge")
    assert shell("network", "add", "192.0.2.0/24", "--note", "hotel", *options).code == 0
    office, hotel = shell.json("network", "list")["items"]
    assert (office["roles"], office["until"], office["no_challenge"]) == ([], None, False)
    assert (hotel["roles"], hotel["until"], hotel["no_challenge"]) == (
        ["helpdesk", "auditor"],
        "2127-01-31T00:00:00Z",
        True,
    )
    assert hotel["by"].startswith("local:")
    assert shell.json("network", "remove", "192.0.2.0/24")["network"]["id"] == hotel["id"]
    assert shell("network", "remove", office["id"]).code == 0
    assert shell.json("network", "list") == {"items": [], "next": None, "pending_until": None}
    header = shell("network", "list", "--format", "csv").out.splitlines()[0]
    assert header == "network,note,roles,until,no_challenge,pending_until,leaving,by,id"


def test_a_dry_run_changes_nothing(shell: Shell) -> None:
    answer = shell("network", "add", "10.0.0.0/8", "--dry-run")
    assert (answer.code, answer.out) == (
        0,
        "Of the 0 users who signed in last, 0 would be refused.\nYou would not be shut out (local).\n",
    )
    assert shell.json("network", "list")["items"] == []
    shell("network", "add", "10.0.0.0/8")
    preview = shell.json("network", "remove", "10.0.0.0/8", "--dry-run")
    assert preview == {
        "network": "10.0.0.0/8",
        "address": "local",
        "you_allowed": True,
        "refused": 0,
        "looked_at": 0,
        "logins": [],
        "opens": ["platform-admin", "tenant-admin", "helpdesk", "auditor", "user"],
    }
    words = "Without it, every network is allowed for everyone."
    assert words in shell("network", "remove", "10.0.0.0/8", "--dry-run").out
    assert words in shell("network", "remove", "10.0.0.0/8").err


def test_each_refusal_has_its_exit_code(shell: Shell) -> None:
    for code, *arguments in (
        (2, "add", "office"),
        (2, "add", "10.0.0.5/8"),
        (2, "add", "10.0.0.0/8", "--role", "boss"),
        (4, "remove", "10.0.0.0/8"),
        (5, "confirm"),
        (5, "revert"),
        (5, "add", "10.0.0.0/8", "--until", "2127-01-31"),
    ):
        assert shell("network", *(str(word) for word in arguments)).code == code, arguments
    assert shell("network", "add", "10.0.0.0/8").code == 0
    assert shell("network", "add", "10.0.0.0/8").code == 5


def test_a27_a_change_that_shuts_out_its_author_names_the_tenant(shell: Shell) -> None:
    """An administrator on this machine, which she allows only for other roles."""
    assert shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    wanted = ("network", "add", "local", "--role", "tenant-admin")
    refused = shell(*wanted)
    assert refused.code == 5
    assert "This would shut you out, because local would not be allowed." in refused.err
    assert refused.err.endswith("Use --confirm acme\n")
    assert shell(*wanted, "--confirm", "beta").code == 2
    done = shell(*wanted, "--confirm", "acme")
    assert (done.code, "unless you sign in from a network that is allowed now" in done.err) == (0, True)
    refused = shell("network", "list")
    assert (refused.code, refused.err) == (
        3,
        "This machine is not in the networks that acme allows. Connect from one of them.\n",
    )
    assert shell("sign-out").code == 0
    (waits,) = shell.json("network", "list")["items"]
    assert (waits["network"], waits["pending_until"] is None) == ("local", False)
    assert "unless it is confirmed" in shell("network", "list").err
    assert shell.json("network", "revert")["items"] == []
