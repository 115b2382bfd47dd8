"""`token` and `secret-key`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Shell, code


def kept(folder: Path, text: str) -> str:
    """A file with a token, that only its owner may read."""
    path = folder / "token"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def test_token_create_follows_the_contract_and_the_token_works(shell: Shell, tmp_path: Path) -> None:
    made = shell.json("token", "create", "--name", "ci", "--scope", "read", "--days", "30")
    assert made["token"].startswith("secconsole_pat_")
    file = kept(tmp_path, made["token"])
    assert shell("user", "list", "--token-file", file).code == 0
    (listed,) = shell.json("token", "list")["items"]
    assert (listed["id"], listed["name"], listed["scopes"]) == (made["id"], "ci", ["read"])
    assert listed["last_used"] is not None
    assert made["token"] not in str(listed)
    for arguments in (
        ["user", "create", "ana"],
        ["token", "create", "--name", "more"],
        ["policy", "set", "off"],
        ["factor", "enroll", "root"],
        ["secret-key", "rotate", "--yes"],
    ):
        answer = shell(*arguments, "--token-file", file)
        assert (answer.code, answer.err) == (3, "Tokens may not do this, whatever their scope. Sign in to do it.\n")
    assert shell("token", "revoke", made["id"], "--yes").code == 0
    answer = shell("user", "list", "--token-file", file)
    assert (answer.code, "revoked" in answer.err) == (3, True)


def test_a_signed_in_user_manages_their_tokens(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("user", "import", "-", input=f"login,role,password\nhana,helpdesk,{PASSWORD}\n")
    shell.create("ana")
    seed = shell.bind("ana")
    shell("sign-in", "hana", "--tenant", "acme", input=f"{PASSWORD}\n")
    answer = shell("token", "create", "--name", "door", "--scope", "verify", "--days", "1")
    assert (answer.code, "not shown again" in answer.err) == (0, True)
    assert answer.out.startswith("secconsole_pat_")
    assert shell("token", "list").out.count("door") == 1
    assert shell("sign-out").code == 0
    assert shell.json("token", "list")["items"] == []
    assert shell.json("token", "list", "--all")["items"][0]["owner"] == "hana"
    assert shell.json("token", "list", "hana")["items"][0]["scopes"] == ["verify"]
    monkeypatch.setenv("SECCONSOLE_TOKEN_FILE", kept(tmp_path, answer.out.strip()))
    assert shell("verify", "ana", "--tenant", "acme", input=code(seed, 1)).code == 0
    answer = shell("user", "list")
    assert (answer.code, "needs the scope read, and has verify" in answer.err) == (3, True)


def test_invalid_combinations_are_wrong_usage(shell: Shell) -> None:
    for arguments in (
        [],
        ["--name", "ci", "--days", "0"],
        ["--name", "ci", "--days", "366"],
        ["--name", ""],
        ["--name", "ci", "--scope", "write"],
    ):
        assert shell("token", "create", *arguments).code == 2
    assert shell("token", "list", "root", "--all").code == 2
    assert shell("token", "revoke", "nothing").code == 4
    rows = shell("token", "create", "--name", "ci", "--format", "csv").out.splitlines()
    assert rows[0] == "id,token,name,scopes,expires"


def test_the_secret_key_of_the_tenant(shell: Shell, tmp_path: Path) -> None:
    answer = shell("secret-key", "show-id")
    assert (answer.code, "secret-key rotate" in answer.err) == (1, True)
    made = shell.json("secret-key", "rotate", "--yes")
    assert made["key"].startswith("secconsole_key_")
    assert shell.json("secret-key", "show-id")["id"] == made["id"]
    shell.create("ana")
    seed = shell.bind("ana")
    file = kept(tmp_path, made["key"])
    assert shell("verify", "ana", "--token-file", file, input=code(seed, 1)).code == 0
    assert shell.json("audit", "list", "--user", "ana")["items"][0]["actor"] == f"key:{made['id']}"
    assert shell("unbind", "ana", "--reason", "x", "--yes", "--token-file", file).code == 3
    again = shell("secret-key", "rotate", "--overlap-hours", "2", "--yes")
    assert (again.code, "until" in again.err) == (0, True)
    assert shell("user", "list", "--token-file", file).code == 0
    assert (
        shell("secret-key", "rotate", "--format", "csv", "--yes").out.splitlines()[0]
        == "id,key,previous_id,previous_until,name"
    )
    assert shell("user", "list", "--token-file", file).code == 3
    assert shell("secret-key", "rotate", "--overlap-hours", "73").code == 2


def test_named_secret_keys_are_created_listed_and_revoked(shell: Shell, tmp_path: Path) -> None:
    shell.json("secret-key", "rotate", "--yes")
    made = shell.json("secret-key", "create", "vpn", "--scope", "verify")
    assert (made["name"], made["scopes"]) == ("vpn", ["verify"])
    assert shell("secret-key", "create", "vpn").code == 5
    assert shell("secret-key", "create", "x", "--scope", "everything").code == 2
    listed = shell.json("secret-key", "list")["items"]
    assert [(key["name"], key["scopes"]) for key in listed] == [("default", ["read", "verify"]), ("vpn", ["verify"])]
    file = kept(tmp_path, made["key"])
    assert shell("user", "list", "--token-file", file).code == 3
    again = shell.json("secret-key", "rotate", "vpn", "--yes")
    assert (again["name"], again["scopes"]) == ("vpn", ["verify"])
    assert shell.json("secret-key", "show-id", "vpn")["id"] == again["id"]
    answer = shell("secret-key", "revoke", "vpn", "--yes")
    assert (answer.code, "no longer works" in answer.err) == (0, True)
    assert [key["name"] for key in shell.json("secret-key", "list")["items"]] == ["default"]


def test_after_a_breach_all_secret_keys_are_rotated_together(shell: Shell) -> None:
    shell.json("secret-key", "rotate", "--yes")
    shell.json("secret-key", "create", "vpn", "--scope", "verify")
    before = {key["id"] for key in shell.json("secret-key", "list")["items"]}
    made = shell.json("incident", "rotate-secret", "--yes")["items"]
    assert [key["name"] for key in made] == ["default", "vpn"]
    after = {key["id"] for key in shell.json("secret-key", "list")["items"]}
    assert after == {key["id"] for key in made}
    assert not after & before
