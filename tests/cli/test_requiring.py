"""Requiring a factor by command: refused if it would have no effect, and what it ends."""

from __future__ import annotations

from tests.cli.conftest import Shell


def test_require_mfa_is_refused_while_the_policy_is_off(shell: Shell) -> None:
    shell.create("ana")
    assert shell("policy", "set", "off").code == 0
    refused = shell("user", "require-mfa", "ana")
    assert refused.code == 5
    assert "is off" in refused.err
    assert "optional" in refused.err
    assert shell("user", "require-mfa", "ana", "--off").code == 0
    assert shell("policy", "set", "optional").code == 0
    assert shell("user", "require-mfa", "ana").code == 0
    preview = shell.json("policy", "preview", "off")
    assert preview["no_longer_required"] == 1


def test_a_preview_counts_the_sessions_that_setting_ends(shell: Shell) -> None:
    shell("policy", "set", "optional")
    assert "Sessions ended" in shell("policy", "preview", "required").out
    assert shell.json("policy", "preview", "required")["sessions"] == 0
    kept = shell.json("policy", "set", "required", "--keep-sessions")
    assert kept["sessions_ended"] == 0


def test_requiring_a_factor_ends_password_sessions(shell: Shell) -> None:
    shell.create("ana")
    changed = shell.json("user", "require-mfa", "ana", "--keep-sessions")
    assert changed["sessions_ended"] == 0
    assert shell("whitelist", "add", "ana", "--reason", "a reason").code == 0
    assert shell("whitelist", "remove", "ana", "--keep-sessions").code == 0
