"""Each SMS is one segment in either alphabet, and names its purpose and organisation."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.config import locations
from secconsole.delivery.text_files import problems
from secconsole.delivery.texts import code_message, passed_over, trial_message
from secconsole.domain.factors.passcode import Passcode
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.messages.sms import is_one_segment, length_of, outside_alphabet, shortened, spelled_plainly
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from tests.sender import Organisation

CODE = Passcode("XYWD", Secret("581883"))
# The default alphabet of 3GPP TS 23.038, by code points where a look-alike is near.
BASIC = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"
    "\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
PURPOSES = (Purpose.SIGN_IN, Purpose.STEP_UP, Purpose.ENROLLMENT)
FOREIGN = "Ромашка"
OWN = (
    "{tenant}: {code} is your sign-in code. It\u2019s valid for {minutes} minutes and once only. "
    "Never tell it to anybody, not even to us."
)


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a company's own texts."""
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))
    folder = locations.texts_dir()
    folder.mkdir(mode=0o700)
    return folder


def put(folder: Path, name: str, text: str) -> None:
    path = folder / f"{name}.txt"
    path.write_text(text)
    path.chmod(0o600)


def sms(tenant: str, login: str = "ana", purpose: Purpose = Purpose.SIGN_IN) -> str:
    return code_message(
        FactorKind.SMS, "+1", CODE, tenant=Organisation(tenant), login=login, purpose=purpose
    ).text.reveal()


def trial(tenant: str, login: str = "ana") -> str:
    return trial_message(FactorKind.SMS, "+1", CODE, tenant=Organisation(tenant), login=login).text.reveal()


def test_septets_and_units_are_counted_as_phones_do() -> None:
    assert len(BASIC) == 127  # and the escape to the extension table
    assert length_of(BASIC) == (127, 160)
    assert length_of("^{}\\[~]|€\f") == (20, 160)
    assert length_of("Škoda") == (5, 70)
    assert length_of("\U0001f600") == (2, 70)
    assert [outside_alphabet(text) for text in ("It's", "It\u2019s", "`", "ç", "\t")] == ["", "\u2019", "`", "ç", "\t"]
    assert is_one_segment("x" * 160)
    assert not is_one_segment("x" * 159 + "€")
    assert is_one_segment("Ж" * 70)
    assert not is_one_segment("Ж" * 69 + "\U0001f600")


def test_names_lose_accents_before_they_are_cut() -> None:
    assert spelled_plainly("Škoda Auto") == "Skoda Auto"
    assert spelled_plainly("S\u030ckoda éü Ж") == "Skoda éü Ж"
    assert [shortened("Volkswagen", most) for most in (10, 9, 5)] == ["Volkswagen", "Volkswag.", "Volk."]
    for char in ("€", "\U0001f600"):  # each takes two
        assert [shortened(char * number, 10) for number in (5, 6)] == [char * 5, char * 4 + "."]


@pytest.mark.parametrize("purpose", PURPOSES)
@given(tenant=st.text(min_size=1, max_size=70), login=st.text(min_size=1, max_size=130))
def test_built_in_texts_are_one_segment_for_any_names(purpose: Purpose, tenant: str, login: str) -> None:
    for text in (sms(tenant, login, purpose), trial(tenant, login)):
        assert is_one_segment(text), text
        assert "XYWD-581883" in text


@pytest.mark.parametrize("char", ["Ж", "€", "\U0001f600", "W", "\u202e", "\\", "\ufdfa"])
def test_built_in_texts_are_one_segment_with_the_worst_names(char: str) -> None:
    for purpose in PURPOSES:
        assert is_one_segment(sms(char * 63, char * 128, purpose))
    assert is_one_segment(trial(char * 63, char * 128))


def test_a_message_names_purpose_and_account_of_its_code() -> None:
    found = {purpose: sms("acme", "ana.kral", purpose) for purpose in PURPOSES}
    assert found[Purpose.SIGN_IN] == (
        "acme: XYWD-581883 is your code for signing in (ana.kral). Valid for 10 minutes. Do not share it."
    )
    assert len(set(found.values())) == len(PURPOSES)
    assert all("ana.kral" in text for text in found.values())
    assert trial("acme", "root") == "acme: SMS delivery test by root. Enter this code to confirm: XYWD-581883"
    foreign = {purpose: sms(FOREIGN, "ana.kral", purpose) for purpose in PURPOSES}
    assert len(set(foreign.values())) == len(PURPOSES)
    assert all("ana.kral" in text and FOREIGN in text for text in foreign.values())
    for purpose, words in ((Purpose.SIGN_IN, "signing in"), (Purpose.ENROLLMENT, "address"), (Purpose.STEP_UP, "you")):
        mail = code_message(
            FactorKind.EMAIL, "a@b.example", CODE, tenant=Organisation("acme"), login="ana", purpose=purpose
        )
        assert words in mail.text.reveal()
        assert "the account ana" in mail.text.reveal()


def test_a_custom_text_of_two_segments_is_replaced_by_the_built_in_one(texts: Path) -> None:
    """A typographic apostrophe leaves 70 units of 160, but a Czech name does no harm to a plain text."""
    put(texts, "code-sms", OWN)
    (problem,) = problems()
    assert "of the 70 characters of one SMS" in problem.why
    assert "\u2019" in problem.why
    assert "is your code for signing in (ana)" in sms("Škoda Auto")
    put(texts, "code-sms", OWN.replace("\u2019", "'"))
    assert list(problems()) == []
    assert sms("Škoda Auto").startswith("Skoda Auto: XYWD-581883 is your sign-in code. It's valid")
    assert (passed_over("Škoda Auto"), passed_over(FOREIGN)) == ((), ("code-sms",))
    assert is_one_segment(sms(FOREIGN))


def test_the_longest_names_are_taken_into_account(texts: Path) -> None:
    put(texts, "code-sms", "{tenant} {login}: {code} " + "x" * 125)
    assert list(problems()) == []
    assert is_one_segment(sms("€" * 63, "€" * 63))
    put(texts, "code-sms", "{tenant} {login}: {code} " + "x" * 126)
    (problem,) = problems()
    assert problem.why == "it takes up to 161 of the 160 characters of one SMS"
    put(texts, "code-sms", "{code}")
    put(texts, "code-sms-short", "{tenant} {login}: {code} " + "x" * 36)
    (problem,) = problems()
    assert "71 of the 70 characters of one SMS" in problem.why
