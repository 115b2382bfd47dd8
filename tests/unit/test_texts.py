"""The texts of messages: an organisation's valid ones are used, and invalid ones are explained."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secconsole.config import locations
from secconsole.delivery import text_files
from secconsole.delivery.template import LONGEST, LONGEST_SUBJECT, BadText, TextSpec, read_template
from secconsole.delivery.text_files import FORMS, built_in, problems
from secconsole.delivery.texts import code_message, invitation_message, key_message, notice_message, trial_message
from secconsole.domain.factors.passcode import Passcode
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from tests.sender import Organisation

CODE = Passcode("XYWD", Secret("581883"))
KEY, LINK = Secret("JBSWY3DPEHPK3PXP"), Secret("otpauth://totp/acme:ana?secret=JBSWY3DPEHPK3PXP&issuer=acme")
EVENT = {"login": "ana", "when": "now", "who": "you", "where": "here", "entry": "01KAN"}
MORE = {
    "rule": "many-failures",
    "what": "all sessions and tokens ended",
    "before": "unbinding needs approval",
    "after": "unbinding needs check",
    "number": "••• 456",
    "factor": "An app",
    "left": "9",
    "starts": "now",
    "ends": "soon",
    "until": "then",
    "name": "ci",
    "scopes": "read",
    "address": "a•••@x.example",
}
FORM = TextSpec("code-email", frozenset({"tenant", "code", "prefix"}), frozenset({"code"}))


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a company's own texts."""
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))
    folder = locations.texts_dir()
    folder.mkdir(mode=0o700)
    return folder


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def test_every_text_is_built_in_and_all_placeholders_are_filled(texts: Path) -> None:
    made = [
        code_message(
            FactorKind.EMAIL, "a@b.example", CODE, tenant=Organisation("acme"), login="ana", purpose=Purpose.SIGN_IN
        ),
        code_message(FactorKind.SMS, "+1", CODE, tenant=Organisation("acme"), login="ana", purpose=Purpose.SIGN_IN),
        trial_message(FactorKind.EMAIL, "a@b.example", CODE, tenant=Organisation("acme"), login="ana"),
        trial_message(FactorKind.SMS, "+1", CODE, tenant=Organisation("acme"), login="ana"),
        key_message("a@b.example", KEY, LINK, tenant=Organisation("acme"), login="ana"),
        invitation_message("a@b.example", KEY, tenant=Organisation("acme"), login="ana", until="then"),
    ]
    for name, form in FORMS.items():
        if name.startswith("notice-"):
            values = EVENT | {place: MORE[place] for place in form.places if place in MORE}
            assert set(values) | {"tenant", "contact"} == form.places
            made.append(
                notice_message(name.removeprefix("notice-"), "a@b.example", tenant=Organisation("acme"), values=values)
            )
        else:
            assert built_in(name).body
    for message in made:
        assert not {"{", "}"} & set(message.subject + message.text.reveal())
    assert {path.stem for path in text_files._DEFAULTS.iterdir()} == set(FORMS)


def test_all_placeholders_are_filled_in_a_custom_text(texts: Path) -> None:
    for name, form in FORMS.items():
        subject = "hello {tenant}\n" if form.subject else ""
        put(texts, f"{name}.txt", subject + " ".join(f"[{{{place}}}]" for place in sorted(form.places)))
    assert list(problems()) == []
    code = code_message(
        FactorKind.EMAIL, "a@b.example", CODE, tenant=Organisation("acme"), login="ana", purpose=Purpose.SIGN_IN
    )
    assert code.text.reveal() == "[XYWD-581883] [[acme]] [ana] [10] [XYWD] [signing in] [acme]\n"
    values = EVENT | {"left": "9"}
    used = notice_message("recovery-used", "a@b.example", tenant=Organisation("acme"), values=values)
    assert used.subject == "hello acme"
    assert used.text.reveal() == "[[acme]] [01KAN] [9] [ana] [acme] [now] [here] [you]\n"
    assert (
        key_message("a@b.example", KEY, LINK, tenant=Organisation("a"), login="b")
        .text.reveal()
        .startswith("[[a]] [JBSW Y3DP")
    )


def test_nothing_in_a_text_or_a_name_is_evaluated(texts: Path) -> None:
    hostile = "{code} {tenant.__class__} {0} %s ${code} \x1b[31m\u202e"
    message = notice_message(
        "token", "a@b.example", tenant=Organisation(hostile), values={**EVENT, **MORE, "name": "{entry}\n.\n"}
    )
    assert 'called "{entry}\\x0a.\\x0a"' in message.text.reveal()
    assert "{code} {tenant.__class__} {0} %s ${code} \\x1b[31m\\u202e" in message.text.reveal()
    assert message.subject.isprintable()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "{code} is missing"),
        (b"Hello\n\nno place for it", "{code} is missing"),
        (b"\nyour code: {code}", "the subject, and it is empty"),
        (b"Hello {code}\n\n{code}", "its subject contains {code}"),
        (b"{code}", "it is empty below the subject"),
        (b"Hello\n\n{code} {pin}", "line 3 has unknown placeholders: {pin}."),
        (b"Hello\n{code.__class__}\n{code}", "line 2 has a brace"),
        (b"Hello\n{code} {}", "line 2 has a brace"),
        (b"Hello\n{{code}}", "line 2 has a brace"),
        (b"Hello\n{code} }", "line 2 has a brace"),
        (b"Hello\n{code} {Tenant}", "line 2 has a brace"),
        (b"Hello\n{code} \xff", "not UTF-8"),
        (b"Hello\n{code} \x1b[31m", "line 2 contains a character that cannot be shown"),
        (b"Hello\r{code}", "line 1 contains a character that cannot be shown"),
        (b"x" * (LONGEST_SUBJECT + 1) + b"\n{code}", "longer than 150 characters"),
        (b"Hello\n{code}" + b"x" * LONGEST, "longer than 16,384 bytes"),
    ],
)
def test_problems_of_a_text_are_reported(raw: bytes, why: str) -> None:
    with pytest.raises(BadText) as answer:
        read_template(FORM, raw)
    assert why in str(answer.value)


def test_files_with_bom_and_other_line_ends_are_read() -> None:
    text = read_template(FORM, b"\xef\xbb\xbfHello \r\n\r\n\tYour code: {code}\r\n\r\n")
    assert (text.subject, text.body) == ("Hello", "\tYour code: {code}")


def test_an_unusable_text_is_skipped_and_reported(texts: Path) -> None:
    before = built_in("contact").body
    put(texts, "contact.txt", "call {phone}")
    put(texts, "notice-bind.txt", "Hello\n\n{contact}")
    put(texts, "code-email.txt~", "left by an editor")
    put(texts, ".code-email.txt.swp", "left by an editor, and hidden")
    (texts / "notice-bound.txt").mkdir()
    put(texts, "notice-unbound.txt", "Hello\n\n{contact}").chmod(0o644)
    found = {problem.path.name: problem.why for problem in problems()}
    assert set(found) == {"contact.txt", "notice-bind.txt", "code-email.txt~", "notice-bound.txt", "notice-unbound.txt"}
    assert "{phone}" in found["contact.txt"]
    assert found["notice-bind.txt"] == "there is no text with that name"
    assert "chmod 600" in found["notice-unbound.txt"]
    values = {place: MORE.get(place, "x") for place in FORMS["notice-bound"].places - {"tenant", "contact"}}
    message = notice_message("bound", "a@b.example", tenant=Organisation("acme"), values=values)
    assert before.replace("{tenant}", "acme") in message.text.reveal()


def test_a_change_takes_effect_at_once(texts: Path) -> None:
    values = {**EVENT}
    path = put(texts, "contact.txt", "Call 4711.")
    assert (
        "Call 4711."
        in notice_message("unbound", "a@b.example", tenant=Organisation("acme"), values=values).text.reveal()
    )
    put(texts, "contact.txt", "Call 4712 instead.")
    assert (
        "Call 4712 instead."
        in notice_message("unbound", "a@b.example", tenant=Organisation("acme"), values=values).text.reveal()
    )
    os.unlink(path)
    assert (
        "the helpdesk of acme"
        in notice_message("unbound", "a@b.example", tenant=Organisation("acme"), values=values).text.reveal()
    )


def test_without_a_folder_there_are_no_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))
    assert list(problems()) == []


def test_mails_name_the_helpdesk_as_the_sign_in_does(texts: Path) -> None:
    acme = Organisation("acme", "Call 4713, room \x1b[2J 12. {code}")
    code = code_message(FactorKind.EMAIL, "a@b.example", CODE, tenant=acme, login="ana", purpose=Purpose.SIGN_IN)
    made = [code, key_message("a@b.example", KEY, LINK, tenant=acme, login="ana")]
    made.append(notice_message("unbound", "a@b.example", tenant=acme, values={**EVENT}))
    for message in made:
        lines = message.text.reveal().splitlines()
        at = lines.index("If you did not do or expect this, contact the helpdesk of acme immediately.")
        assert lines[at + 1] == "Call 4713, room \\x1b[2J 12. {code}"
    put(texts, "contact.txt", "Object at once.")
    text = notice_message("unbound", "a@b.example", tenant=acme, values={**EVENT}).text.reveal()
    assert "Object at once.\nCall 4713" in text
    other = notice_message("unbound", "a@b.example", tenant=Organisation("acme"), values={**EVENT}).text.reveal()
    assert other.endswith("Object at once.\n")
