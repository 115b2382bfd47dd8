"""`session` and `account`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import PASSWORD, Shell, code


def sign_in(shell: Shell, login: str = "hana") -> None:
    assert shell("sign-in", login, "--tenant", "acme", input=f"{PASSWORD}\n").code == 0


def with_password(shell: Shell, *logins: str) -> None:
    for login in logins:
        made = shell("user", "create", login, "--role", "helpdesk", "--password-stdin", input=f"{PASSWORD}\n")
        assert made.code == 0


def test_the_only_tenant_need_not_be_named(shell: Shell) -> None:
    with_password(shell, "hana")
    assert shell("sign-in", "hana", input=f"{PASSWORD}\n").code == 0
    assert shell("tenant", "create", "beta").code == 3, "as hana"
    assert shell("sign-out").code == 0
    assert shell("tenant", "create", "beta").code == 0
    answer = shell("sign-in", "hana", input=f"{PASSWORD}\n")
    assert (answer.code, "Tenant" in answer.err) == (2, True), "there are two"


def test_own_sessions_are_listed_and_ended(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    token = (shell.home / "session").read_text()
    sign_in(shell)
    listed = shell.json("session", "list")
    assert [s["current"] for s in listed["items"]] == [True, False]
    assert list(listed["items"][0]) == [
        "id",
        "created",
        "last_seen",
        "expires",
        "channel",
        "address",
        "current",
        "factor",
    ]
    assert "This one" in shell("session", "list").out
    assert shell("session", "end", listed["items"][1]["id"], "--yes").code == 0
    assert shell("session", "end", listed["items"][1]["id"], "--yes").code == 4
    assert shell.json("session", "end", "--others", "--yes") == {"ended": 0}
    assert len(shell.json("session", "list")["items"]) == 1
    (shell.home / "session").write_text(token)
    assert shell("session", "list").code == 3


def test_sessions_of_a_user_are_listed_and_ended(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    kept = (shell.home / "session").rename(shell.home / "kept")
    assert len(shell.json("session", "list", "hana", "--tenant", "acme")["items"]) == 1
    assert shell.json("session", "end", "--others", "--user", "hana", "--yes") == {"ended": 1}
    assert shell("session", "list", "hana").out == "None.\n"
    kept.rename(shell.home / "session")
    assert shell("user", "list").code == 3


def test_session_end_requires_a_user_and_a_session(shell: Shell) -> None:
    assert shell("session", "list").code == 2  # the owner of the store has none
    assert shell("session", "end").code == 2
    assert shell("session", "end", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--others").code == 2
    assert shell("session", "list", "nobody").code == 4


def test_own_password_is_changed(shell: Shell, tmp_path: Path) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    sign_in(shell)
    new = "seven other quite long words"
    assert shell("account", "password", input=f"{new}\n").code == 2  # the option was not given
    assert shell("account", "password", "--password-stdin", input="short\n").code == 2
    assert shell.json("account", "show")["login"] == "hana"
    changed = shell("account", "password", "--password-stdin", "--format", "json", input=f"{new}\n")
    assert changed.json == {"sessions_ended": 1}
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n").code == 3
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{new}\n").code == 0


def test_keep_factor_is_available_as_a_command(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    assert shell("account", "keep-factor").code == 0
    assert shell.json("user", "show", "hana")["keeps_factor"] is True
    assert shell("account", "keep-factor", "--off").code == 0
    assert shell.json("user", "show", "hana")["keeps_factor"] is False


def test_account_rules_show_what_the_policy_requires(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    shown = shell.json("account", "rules")
    assert shown["kinds"] == ["totp"]
    assert (shown["required"], shown["why"]) == (False, "")


def test_users_change_their_own_contact_address(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    assert shell.json("account", "contact", "hana@HOME.example") == {"email": "hana@home.example"}
    assert shell.json("user", "show", "hana")["user"]["email"] == "hana@home.example"
    assert shell("account", "contact", "hana").code == 2


def test_cancel_mfa_removes_all_factors(shell: Shell) -> None:
    with_password(shell, "hana")
    sign_in(shell)
    answer = shell("account", "cancel-mfa", "--yes")
    assert (answer.code, "nothing to cancel" in answer.err) == (5, True)
    seed = shell.bind("hana")
    assert shell("sign-out").code == 0
    assert shell("policy", "set", "optional").code == 0
    assert shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n{code(seed, 1)}").code == 0
    cancelled = shell.json("account", "cancel-mfa", "--yes")
    assert cancelled == {"factors": 1, "recovery_codes": 0, "sessions_ended": 0}
    assert shell.status("hana") == "unbound"
