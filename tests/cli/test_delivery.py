"""`delivery`, and factors by e-mail and SMS, with a real mail server and a fake Twilio."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import secconsole
from tests.cli.conftest import PASSWORD, Shell
from tests.delivery.post import NUMBER, digits_in, other, prefix_in
from tests.delivery.servers import Servers
from tests.delivery.twilio_fake import SID, TOKEN
from tests.postgres import wait_until
from tests.server.serving import serving


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def private(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return str(path)


def set_smtp(shell: Shell, port: int) -> None:
    host = ("--host", "127.0.0.1", "--port", str(port))
    kept = shell("delivery", "set-smtp", *host, "--sender", "mfa@acme.example", "--tenant", "acme")
    assert kept.code == 0, kept.err
    assert "not in effect" in kept.err


def test_a1_mail_is_set_up_by_confirming_the_mailed_code(shell: Shell, servers: Servers) -> None:
    set_smtp(shell, servers.mailbox.port)
    sent = shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example")
    assert sent.code == 0, sent.err
    prefix, code = prefix_in(servers.mailbox.text()), digits_in(servers.mailbox.text())
    assert prefix in sent.out
    assert "admin@" not in sent.out
    wrong = shell("delivery", "test", "--confirm", other(code).reveal())
    assert (wrong.code, wrong.out.count("successfully")) == (1, 0)
    done = shell("delivery", "test", "--confirm", f"{prefix}-{code.reveal()}")
    assert (done.code, done.out) == (0, "Test completed successfully\n")
    shown = shell.json("delivery", "show")
    assert [(s["state"], s["host"], s["tls"]) for s in shown["smtp"]] == [("active", "127.0.0.1", "none")]
    assert [(m["purpose"], m["state"]) for m in shown["recent"]] == [("test", "sent")]
    assert "mfa@acme.example" in shell("delivery", "show").out


def test_a_port_in_the_host_is_refused_with_the_option_for_it(shell: Shell) -> None:
    for host in ("127.0.0.1:2525", "mail.acme.example:2525", "[::1]:2525"):
        refused = shell("delivery", "set-smtp", "--host", host, "--sender", "mfa@acme.example", "--tenant", "acme")
        assert refused.code == 2
        assert "--port" in refused.err
    assert shell.json("delivery", "show")["smtp"] == []


def test_the_default_helo_name_is_shown(shell: Shell) -> None:
    set_smtp(shell, 2525)
    (kept,) = shell.json("delivery", "show")["smtp"]
    host = socket.gethostname()
    assert kept["greeting"] == (host if "." in host else "acme.example")
    assert f"{kept['greeting']} (default)" in shell("delivery", "show").out
    own = ("--host", "127.0.0.1", "--sender", "mfa@acme.example", "--helo", "mfa.acme.example")
    assert shell("delivery", "set-smtp", *own).code == 0
    shown = shell("delivery", "show").out
    assert "mfa.acme.example" in shown
    assert "(default)" not in shown


def test_z3_a_key_is_mailed_and_the_outcome_is_reported(shell: Shell, servers: Servers) -> None:
    set_smtp(shell, servers.mailbox.port)
    assert shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example").code == 0
    assert shell("delivery", "test", "--confirm", digits_in(servers.mailbox.text()).reveal()).code == 0
    assert shell("user", "create", "ana", "--email", "ana@acme.example").code == 0
    started = shell.json("factor", "enroll", "ana")
    sent = shell("factor", "mail-key", started["enrollment"], "--to", "ana@home.example")
    assert (sent.code, "a•••@home.example" in sent.out) == (0, True)
    assert servers.mailbox.mails[-1]["To"] == "ana@home.example"
    assert started["uri"] in servers.mailbox.text()
    assert [notice["To"] for notice in servers.mailbox.notices] == ["ana@acme.example"]
    again = shell("factor", "mail-key", started["enrollment"], "--to", "ana@home.example")
    assert (again.code, "Wait 40 s" in again.out or "Wait 39 s" in again.out) == (1, True)
    unbound = shell("unbind", "ana", "--reason", "lost", "--verified-by", "Hana, by phone")
    assert unbound.code == 0
    assert servers.mailbox.notices[-1]["Subject"] == "Unbound: your account at acme"
    (entry,) = shell.json("audit", "list", "--action", "unbind")["items"]
    assert (entry["details"]["verified_by"], entry["details"]["notified"]) == ("Hana, by phone", 1)


def test_a1_sms_is_set_up_and_a_phone_bound_by_it(shell: Shell, servers: Servers, tmp_path: Path) -> None:
    assert shell("user", "create", "ana", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    assert shell("policy", "set", "optional", "--kinds", "totp,sms", "--no-whitelist-admins").code == 0
    token = private(tmp_path, TOKEN)
    kept = shell(
        "delivery",
        "set-twilio",
        "--account-sid",
        SID,
        "--auth-token-file",
        token,
        "--from",
        "+15005550006",
        "--base-url",
        servers.twilio.url,
    )
    assert kept.code == 0, kept.err
    assert TOKEN not in kept.out
    assert shell("delivery", "test", "--kind", "sms", "--to", "+15005550001").code == 0
    assert shell("delivery", "test", "--confirm", digits_in(servers.twilio.text()).reveal()).code == 0
    texts = len(servers.twilio.messages)
    entered = shell.json("factor", "enroll", "ana", "--kind", "sms", "--phone", NUMBER, "--tenant", "acme")
    assert (entered["sent"], entered["waits"], entered["masked"]) == (False, True, "••• 009")
    assert len(servers.twilio.messages) == texts, "nothing is sent for another user"
    assert shell("sign-in", "ana", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    started = shell.json("factor", "enroll", "ana", "--kind", "sms", "--phone", NUMBER, "--tenant", "acme")
    assert (started["sent"], started["waits"], started["enrollment"]) == (True, False, entered["enrollment"])
    assert started["prefix"] == prefix_in(servers.twilio.text())
    code = digits_in(servers.twilio.text())
    assert shell("factor", "confirm", started["enrollment"], input=other(code).reveal()).code == 1
    assert shell("factor", "confirm", started["enrollment"], input=code.reveal()).code == 0
    (row,) = shell.json("factor", "list", "ana")["items"]
    assert (row["kind"], row["masked"], row["state"]) == ("sms", "••• 009", "active")
    another = ("factor", "enroll", "ana", "--kind", "sms", "--phone", "+15005550010")
    assert shell(*another).code == 0
    again = shell(*another)
    assert again.code == 1
    assert "Wait" in again.out


def test_w3_a_user_with_only_an_email_factor_signs_in_by_command(shell: Shell, servers: Servers) -> None:
    set_smtp(shell, servers.mailbox.port)
    assert shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example").code == 0
    assert shell("delivery", "test", "--confirm", digits_in(servers.mailbox.text()).reveal()).code == 0
    assert shell("policy", "set", "optional", "--kinds", "totp,email", "--no-whitelist-admins").code == 0
    assert shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    started = shell.json("factor", "enroll", "root", "--kind", "email", "--email", "root@acme.example")
    code = digits_in(servers.mailbox.text()).reveal()
    assert shell("factor", "confirm", started["enrollment"], input=code).code == 0
    assert shell("sign-out").code == 0
    arrived = len(servers.mailbox.mails)
    process = subprocess.Popen(
        [sys.executable, "-m", "secconsole", "sign-in", "root", "--tenant", "acme"],
        cwd=Path(secconsole.__file__).parent.parent,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(f"{PASSWORD}\n")
    process.stdin.flush()
    wait_until(lambda: len(servers.mailbox.mails) > arrived, "the mail with the code", seconds=20)
    out, err = process.communicate(f"{digits_in(servers.mailbox.text()).reveal()}\n", timeout=20)
    assert process.returncode == 0, err
    assert f"digits after {prefix_in(servers.mailbox.text())}-" in err
    assert "root" in out


def wait_out_the_pause(shell: Shell) -> None:
    """As if the last code had been sent a minute earlier."""
    with closing(sqlite3.connect(shell.home / "console.db")) as connection:
        connection.execute("UPDATE outbox SET created = created - 60000")
        connection.commit()


def test_a_test_that_fails_says_why(shell: Shell, servers: Servers, tmp_path: Path) -> None:
    set_smtp(shell, 1)
    failed = shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example")
    assert (failed.code, failed.out) == (6, "")
    assert (
        failed.err
        == "The mail server cannot be reached. Check its port and TLS, and that its address is public or allowed.\n"
    )
    shell(
        "delivery",
        "set-twilio",
        "--account-sid",
        SID,
        "--auth-token-file",
        private(tmp_path, "wrong"),
        "--messaging-service",
        "MG1",
        "--base-url",
        servers.twilio.url,
    )
    failed = shell("delivery", "test", "--kind", "sms", "--to", "+15005550001")
    assert failed.err == "Twilio refuses the Account SID or the auth token (20003).\n"
    assert "cannot be reached" in shell("delivery", "show").out


def test_secrets_are_read_from_private_files_only(shell: Shell, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("token")
    shared.chmod(0o644)
    common = ("delivery", "set-twilio", "--account-sid", SID, "--from", "+15005550006")
    assert shell(*common, "--auth-token-file", str(shared)).code == 6
    assert shell(*common).code == 2
    smtp = ("delivery", "set-smtp", "--host", "mail.acme.example", "--sender", "mfa@acme.example")
    assert shell(*smtp, "--user", "mfa").code == 2
    assert shell(*smtp, "--user", "mfa", "--password-file", private(tmp_path, "p")).code == 0
    assert shell(*smtp, "--port", "0").code == 2
    assert shell("delivery", "test").code == 2
    assert shell("delivery", "test", "--kind", "sms", "--to", "+15005550001").code == 5
    assert shell("delivery", "test", "--confirm", "123456").code == 1


def test_a_server_sends_its_own_and_leftover_messages(shell: Shell, servers: Servers, tmp_path: Path) -> None:
    set_smtp(shell, servers.mailbox.port)
    servers.mailbox.at_rcpt = ["451 4.7.1 later"]
    left = shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example")
    assert (left.code, servers.mailbox.mails) == (6, [])
    address = tmp_path / "run" / "api.sock"
    with serving(tmp_path, "--listen", f"unix:{address}", "--trust-owner") as server:
        wait_until(lambda: len(servers.mailbox.mails) == 1, "the mail that a command left", server.log, 30)
        backend = ("--backend", f"unix:{address}")
        done = shell("delivery", "test", "--confirm", digits_in(servers.mailbox.text()).reveal(), *backend)
        assert (done.code, done.out) == (0, "Test completed successfully\n")
        wait_out_the_pause(shell)
        again = shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example", *backend)
        assert again.code == 0, again.err
        assert len(servers.mailbox.mails) == 2
        server.signal()
        assert server.exit_code() == 0
        assert digits_in(servers.mailbox.text()).reveal() not in server.log()


def test_d17_a_refused_send_exits_with_6(shell: Shell, servers: Servers) -> None:
    """Binding, mailing a key and signing in show the reason, and may be repeated at once."""
    set_smtp(shell, servers.mailbox.port)
    assert shell("delivery", "test", "--kind", "email", "--to", "admin@acme.example").code == 0
    assert shell("delivery", "test", "--confirm", digits_in(servers.mailbox.text()).reveal()).code == 0
    assert shell("policy", "set", "optional", "--kinds", "totp,email", "--no-whitelist-admins").code == 0
    created = ("user", "create", "ana", "--email", "ana@acme.example", "--password-stdin")
    assert shell(*created, input=f"{PASSWORD}\n").code == 0
    words = "The mail server refuses the recipient's address (550 5.1.1). Nothing was sent.\n"
    started = shell.json("factor", "enroll", "ana")
    servers.mailbox.at_rcpt.append("550 5.1.1 No such user")
    refused = shell("factor", "mail-key", started["enrollment"])
    assert (refused.code, refused.out, refused.err) == (6, "", words)
    assert shell("sign-in", "ana", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    enroll = ("factor", "enroll", "ana", "--kind", "email")
    servers.mailbox.at_rcpt.append("550 5.1.1 No such user")
    refused = shell(*enroll)
    assert (refused.code, refused.out, refused.err) == (6, "", words)
    begun = shell.json(*enroll)
    assert shell("factor", "confirm", begun["enrollment"], input=digits_in(servers.mailbox.text()).reveal()).code == 0
    assert shell("sign-out").code == 0
    wait_out_the_pause(shell)
    servers.mailbox.at_rcpt.append("550 5.1.1 No such user")
    refused = shell("sign-in", "ana", "--tenant", "acme", input=f"{PASSWORD}\n123456\n")
    assert refused.code == 6
    assert words in refused.err
