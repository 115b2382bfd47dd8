"""The pure rules of sending: what, to whom, and how often."""

from __future__ import annotations

import os
import re

import pytest

from secconsole.delivery.texts import code_message, trial_message
from secconsole.domain.errors import Invalid
from secconsole.domain.factors.passcode import RANDOM_BYTES, Passcode, make_passcode
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.mail_address import mail_address, masked_mail, on_the_wire
from secconsole.domain.messages.phone import masked_phone, sms_number
from secconsole.domain.messages.sending import Cap, CapSubject, allowed_from, caps_of, retry_after, wait_words
from secconsole.domain.messages.sms import is_one_segment
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from tests.sender import Organisation

CODE = Passcode("XYWD", Secret("581883"))


def test_a_code_has_four_letters_and_six_digits_with_its_zeros() -> None:
    made = [make_passcode(os.urandom(RANDOM_BYTES)) for _ in range(2_000)]
    assert all(re.fullmatch("[B-DF-HJ-NP-TV-Z]{4}", code.prefix) for code in made)
    assert all(re.fullmatch("[0-9]{6}", code.digits.reveal()) for code in made)
    assert len({code.digits.reveal() for code in made}) > 1_900
    assert {code.digits.reveal()[0] for code in made} == set("0123456789")
    assert len({code.prefix for code in made}) > 1_900
    assert make_passcode(bytes(RANDOM_BYTES)).whole.reveal() == "BBBB-000000"
    assert "581883" not in f"{CODE} {CODE!r}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "@acme.example",
        "ana@",
        "ana@@acme.example",
        "a@b@acme.example",
        "ana@acme.example\nBcc: eve@x.example",
        "ana@acme.example\r\n.",
        "ana@acme..example",
        "ana@-acme.example",
        "ana,eve@acme.example",
        "<ana@acme.example>",
        "ana <ana@acme.example>",
        "ana@acme.example,eve@x.example",
        '"ana"@acme.example',
        "ana(x)@acme.example",
        "ana@[127.0.0.1]",
        "an\u202ea@acme.example",
        "an\x00a@acme.example",
        "an\u200ba@acme.example",
        "\ud800@acme.example",
        "a" * 65 + "@acme.example",
        "ana@" + "a" * 64 + ".example",
        ".ana@acme.example",
        "a..na@acme.example",
        "ana\x0b@acme.example",
        "ana@ac me.example",
        "a;b@acme.example",
    ],
)
def test_text_that_is_not_a_single_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        mail_address(text)


def test_addresses_are_normalized_and_masked() -> None:
    assert mail_address(" Ana.K+x@ACME.Example ") == "Ana.K+x@acme.example"
    assert on_the_wire("ana@čáp.example") == ("ana@xn--p-tfa5k.example", False)
    assert on_the_wire("žofie@acme.example") == ("žofie@acme.example", True)
    assert masked_mail("ana@acme.example") == "a•••@acme.example"
    assert masked_phone("+15005550009") == "••• 009"


def test_numbers_are_normalized_and_premium_ones_refused() -> None:
    assert sms_number("+1 (500) 555-0009") == "+15005550009"
    for text in (
        "5005550009",
        "",
        "+1",
        "+420",
        "ana",
        "+1500555000900000",
        "+1 900 234 5678",
        "+881 612 345 678",
        "+883 5100 0000 0091",
    ):
        with pytest.raises(Invalid):
            sms_number(text)


def test_caps_report_when_they_end() -> None:
    once, often = Cap(CapSubject.USER, 1, 40_000), Cap(CapSubject.USER, 5, 3_600_000)
    assert allowed_from([(once, None), (often, None)], 1_000_000) == 1_000_000
    assert allowed_from([(once, 990_000), (often, None)], 1_000_000) == 1_030_000
    assert allowed_from([(once, 990_000), (often, 100_000)], 1_000_000) == 3_700_000
    assert {cap.counted for cap in caps_of(FactorKind.SMS, Purpose.SIGN_IN)} == set(CapSubject) - {CapSubject.ADDRESS}
    assert {cap.counted for cap in caps_of(FactorKind.SMS, Purpose.ENROLLMENT)} == set(CapSubject) - {
        CapSubject.OWN_ADDRESS
    }
    assert [cap.most for cap in caps_of(FactorKind.SMS, Purpose.SIGN_IN) if cap.unanswered] == [1]
    assert CapSubject.USER not in {cap.counted for cap in caps_of(FactorKind.SMS, Purpose.TEST)}


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (40_000, "40 s"),
        (39_001, "40 s"),
        (119_999, "120 s"),
        (120_000, "2 min"),
        (7_199_999, "120 min"),
        (7_200_000, "2 h"),
        (86_400_000, "24 h"),
        (0, "1 s"),
    ],
)
def test_waits_are_described_and_never_too_short(wait: int, words: str) -> None:
    assert wait_words(5_000 + wait, 5_000) == f"Wait {words} before asking for another code."


def test_waits_between_attempts_grow() -> None:
    waits = [retry_after(attempts) for attempts in range(1, 9)]
    assert waits == sorted(waits)
    assert waits[0] == 5_000


_FOR = Purpose.SIGN_IN
HOSTILE = "\x1b]0;x\x07\r\nBcc: eve@evil.example\n\u202eacme"


def test_hostile_names_stay_within_their_line() -> None:
    mail = code_message(
        FactorKind.EMAIL, "ana@acme.example", CODE, tenant=Organisation(HOSTILE), login=HOSTILE, purpose=Purpose.SIGN_IN
    )
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    lines = mail.text.reveal().splitlines()
    assert not any(line.startswith("Bcc") for line in lines)
    assert all(line.isprintable() for line in lines)
    for message in (
        code_message(
            FactorKind.SMS,
            "+15005550009",
            CODE,
            tenant=Organisation(HOSTILE * 9),
            login=HOSTILE * 9,
            purpose=Purpose.SIGN_IN,
        ),
        trial_message(FactorKind.SMS, "+15005550009", CODE, tenant=Organisation(HOSTILE * 9), login=HOSTILE),
    ):
        assert message.text.reveal().isprintable()
        assert is_one_segment(message.text.reveal())
        assert "XYWD-581883" in message.text.reveal()


def test_a_locked_screen_shows_no_code() -> None:
    for message in (
        code_message(
            FactorKind.EMAIL,
            "ana@acme.example",
            CODE,
            tenant=Organisation("acme"),
            login="ana",
            purpose=Purpose.SIGN_IN,
        ),
        trial_message(FactorKind.EMAIL, "ana@acme.example", CODE, tenant=Organisation("acme"), login="ana"),
    ):
        assert "581883" not in message.subject
        assert "XYWD" in message.subject
        assert "581883" not in repr(message)
