"""`incident`: what is known, freeze, ending all sessions, the key, and the report. A44, A50."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Shell

CONFIRM = "Check with --dry-run, confirm with --yes."


def sign_in(shell: Shell, login: str) -> int:
    return shell("sign-in", login, "--tenant", "acme", input=f"{PASSWORD}\n").code


def administrator(shell: Shell) -> None:
    """Sign in as a new tenant administrator, as whom later commands act."""
    assert (
        shell("user", "create", "tomas", "--role", "tenant-admin", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    )
    assert sign_in(shell, "tomas") == 0


def test_a50_each_step_needs_yes_without_a_terminal_and_shows_a_dry_run(shell: Shell) -> None:
    shell.create("ana")
    for step in ("freeze", "end-sessions", "rotate-secret"):
        refused = shell("incident", step)
        assert refused.code == 2, step
        assert "--yes" in refused.err
        assert shell("incident", step, "--dry-run").code == 0
    status = shell.json("incident", "show")
    assert (status["frozen_since"], status["key_id"], status["done"], status["alerts"]) == (None, None, [], [])


def test_freeze_is_shown_and_thawed(shell: Shell) -> None:
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    preview = shell("incident", "freeze", "--dry-run").out
    assert "Only platform administrators can sign in to acme until you thaw it: 1 of its users." in preview
    assert "1 user cannot." in preview
    assert shell("incident", "freeze", "--reason", "INC-7", "--yes").code == 0
    explained = shell("policy", "explain", "ana").out
    assert "frozen" in explained
    assert shell.json("policy", "show")["frozen_since"] is not None
    assert "frozen already" in shell("incident", "freeze", "--dry-run").out
    assert shell("incident", "thaw", "--yes").code == 0
    again = shell("incident", "thaw")
    assert (again.code, "are not frozen" in again.err) == (0, True)
    assert "Frozen" in shell("incident", "show").out


def test_a_frozen_tenant_is_thawed_from_an_open_session(shell: Shell) -> None:
    administrator(shell)
    assert shell("incident", "freeze", "--yes").code == 0
    assert shell("incident", "thaw", "--yes").code == 0
    assert sign_in(shell, "tomas") == 0


def test_ending_all_sessions_keeps_that_of_the_command_by_default(shell: Shell) -> None:
    administrator(shell)
    ended = shell.json("incident", "end-sessions", "--yes")
    assert (ended["sessions"], ended["left"], ended["own_ended"]) == (0, 0, False)
    assert shell("incident", "show").code == 0
    assert shell.json("incident", "end-sessions", "--yes", "--and-mine")["own_ended"] is True
    assert shell("incident", "show").code == 3


def test_sessions_of_those_above_stay_and_that_is_partly_done(shell: Shell) -> None:
    assert sign_in(shell, "root") == 0
    administrator(shell)
    ended = shell("incident", "end-sessions", "--yes", "--format", "json")
    assert (ended.code, ended.json["spared"]) == (7, 1)
    assert "outrank you: 1" in ended.err


def test_the_new_key_is_shown_once(shell: Shell) -> None:
    (first,) = shell.json("incident", "rotate-secret", "--yes")["items"]
    assert first["key"].startswith("secconsole_key_")
    assert shell.json("incident", "show")["key_id"] == first["id"]
    preview = shell("incident", "rotate-secret", "--dry-run").out
    assert "never used" in preview
    assert [step["action"] for step in shell.json("incident", "show")["done"]] == ["secret-key.rotated"]


def test_a44_a_report_shows_data_as_text(shell: Shell) -> None:
    assert shell("incident", "freeze", "--reason", "[x](http://evil) | `y` \x1b[31m", "--yes").code == 0
    report = shell("incident", "report")
    assert report.out.startswith("# Incident report: acme\n")
    assert r"\[x\]\(http://evil\) \| \`y\`" in report.out
    assert "\x1b" not in report.out
    found = json.loads(shell("incident", "report", "--format", "json").out)
    assert found["items"][0]["action"] == "incident.frozen"
    assert found["next"] is None
    assert shell("incident", "report", "--format", "csv").out.splitlines()[1].count("incident.frozen") == 1
    assert shell("incident", "report", "--format", "table").code == 2


WINDOWS = {"24h": 0, "90m": 0, "7d": 0, "2020-01-31": 0, "soon": 2, "2999-01-01": 2}


@pytest.mark.parametrize(("since", "code"), WINDOWS.items())
def test_windows_are_spans_or_dates(shell: Shell, since: str, code: int) -> None:
    assert shell("incident", "report", "--since", since).code == code
    assert shell("incident", "show", "--since", since).code == code


def test_no_other_role_handles_incidents(shell: Shell) -> None:
    assert shell("user", "create", "hana", "--role", "helpdesk", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    assert sign_in(shell, "hana") == 0
    for command in ("show", "report", "freeze"):
        answer = shell("incident", command)
        assert answer.code == 3, command
        assert "platform-admin, tenant-admin" in answer.err


def test_a50_a_reset_or_unbinding_of_a_role_is_a_job_that_leaves_others_alone(shell: Shell) -> None:
    shell.create("hana", role="helpdesk")
    shell.create("ana")
    shell.bind("hana")
    unbind = ("incident", "require-binding", "--role", "helpdesk", "--reason", "INC-7")
    assert shell(*unbind, "--dry-run").code == 0
    assert shell(*unbind).code == 2
    assert shell.status("hana") == "bound"
    assert shell(*unbind, "--yes").code == 0
    assert shell.status("hana") == "unbound"
    preview = shell.json("incident", "reset-passwords", "--role", "helpdesk", "--without-mail", "--dry-run")
    assert [item["login"] for item in preview["items"]] == ["hana"]
    assert shell("incident", "reset-passwords", "--role", "helpdesk", "--yes").code == 5  # mail is not set up here
    assert shell("incident", "reset-passwords").code == 2


def test_a50_new_passwords_go_to_a_private_file_and_nowhere_else(shell: Shell, tmp_path: Path) -> None:
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    assert shell("user", "create", "ben", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    path = tmp_path / "list.txt"
    reset = ("incident", "reset-passwords", "--role", "user", "--to-file", str(path))
    assert shell(*reset, "--dry-run").code == 0
    assert not path.exists()
    done = shell(*reset, "--yes")
    assert done.code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    words = path.read_text().split()
    password = words[words.index("ana") + 1]
    assert password not in done.out + done.err
    (job,) = shell.json("incident", "show")["jobs"]
    assert (job["kind"], job["done"], job["listed"]) == ("reset-password", 2, True)
    assert f"2 of 2 users (role:user), finished, job {job['id']}" in shell("incident", "show").out
    assert sign_in(shell, "ana") == 3
    typed = "a password of my own choice\n" * 2
    assert shell("sign-in", "ana", "--tenant", "acme", input=f"{password}\n{typed}").code == 0
    assert shell("sign-out").code == 0
    again = shell(*reset, "--yes")
    assert (again.code, "already exists" in again.err) == (2, True)
    assert password in path.read_text()


def test_a50_a_job_with_a_list_that_fails_goes_on_with_another(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    pwrite = os.pwrite

    def full(handle: int, data: bytes, offset: int) -> int:
        if b"ana" in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(handle, data, offset)

    first, second = (str(tmp_path / name) for name in ("first.txt", "second.txt"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        failed = shell("incident", "reset-passwords", "--role", "user", "--to-file", first, "--yes")
    assert failed.code == 6
    assert "No space left on device" in failed.err
    assert sign_in(shell, "ana") == 0, "she keeps her password"
    assert shell("sign-out").code == 0
    (job,) = shell.json("job", "list")["items"]
    assert f"secconsole job resume {job['id']} --to-file" in failed.err
    assert not Path(first).exists()
    assert shell("job", "resume", job["id"]).code == 2
    assert shell("job", "resume", job["id"], "--to-file", second).code == 0
    assert sign_in(shell, "ana") == 3


def test_the_advice_is_printed_or_mailed(shell: Shell) -> None:
    shell.create("ana")
    assert "reinstalled" in shell("incident", "advice").out
    assert shell.json("incident", "advice")["subject"] == "Check your devices: your account at acme"
    unable = shell("incident", "advice", "--role", "user", "--dry-run")
    assert (unable.code, "Mail is not set up" in unable.err) == (5, True)
    assert shell("incident", "advice", "ana", "--role", "user").code == 2
