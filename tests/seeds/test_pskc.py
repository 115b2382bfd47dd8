"""PSKC files: plain, with a key, with a password, changed, and hostile."""

from __future__ import annotations

import io
import re

import pytest

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.totp import Algorithm
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.formats import SeedFormat, read_seeds
from secconsole.domain.seeds.seed import Seed, Unusable

from .samples import SECRET

pskc = pytest.importorskip("pskc", reason="python-pskc is not installed")

HOTP, TOTP = "urn:ietf:params:xml:ns:keyprov:pskc:hotp", "urn:ietf:params:xml:ns:keyprov:pskc:totp"
KEY = "12345678901234567890123456789012"


def written(password: str = "", key: str = "") -> str:
    file = pskc.PSKC()
    file.add_key(
        serial="2600124809778",
        manufacturer="Feitian",
        secret=SECRET,
        algorithm=TOTP,
        response_length=6,
        response_encoding="DECIMAL",
        time_interval=60,
    )
    file.add_key(
        serial="1000133508267",
        secret=SECRET,
        algorithm=HOTP,
        response_length=8,
        response_encoding="DECIMAL",
        counter=9,
        key_userid="ana",
    )
    if password:
        file.encryption.setup_pbkdf2(password, iterations=1000)
    elif key:
        file.encryption.setup_preshared_key(key=bytes.fromhex(key))
    out = io.BytesIO()
    file.write(out)
    return out.getvalue().decode()


@pytest.mark.parametrize(
    ("text", "password"), [(written(), None), (written("qwerty"), "qwerty"), (written("", KEY), KEY)]
)
def test_keys_are_read_plain_and_encrypted(text: str, password: str | None) -> None:
    totp, hotp = read_seeds(text, Secret(password) if password else None)
    assert totp == Seed(
        1, Secret(SECRET), serial="2600124809778", label="Feitian", algorithm=Algorithm.SHA1, digits=6, period=60
    )
    assert isinstance(hotp, Seed)
    assert (hotp.user, hotp.serial, hotp.kind, hotp.digits, hotp.counter) == ("ana", "1000133508267", "hotp", 8, 9)
    assert hotp.secret == Secret(SECRET)


@pytest.mark.parametrize("password", [None, "", "wrong"])
def test_a_missing_or_wrong_password_reads_nothing(password: str | None) -> None:
    text = written("qwerty")
    if password:
        for entry in read_seeds(text, Secret(password)):
            assert isinstance(entry, Unusable)
            assert "does not open" in entry.reason
    else:
        with pytest.raises(Invalid) as refused:
            read_seeds(text, None)
        assert refused.value.field == "password"


def test_a_changed_key_is_refused_by_its_mac() -> None:
    text = written("", KEY)
    macs = re.findall(r"<pskc:ValueMAC>([^<]+)<", text)
    entries = read_seeds(text.replace(macs[0], macs[1]), Secret(KEY))
    assert isinstance(entries[0], Unusable)
    assert isinstance(entries[1], Seed)


def test_an_encrypted_key_without_a_mac_is_refused() -> None:
    text = re.sub(r"<pskc:ValueMAC>[^<]+</pskc:ValueMAC>", "", written("", KEY))
    for entry in read_seeds(text, Secret(KEY)):
        assert isinstance(entry, Unusable)
        assert "no MAC" in entry.reason


BOMB = """<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "<KeyContainer>&b;</KeyContainer>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><KeyContainer/>',
        "<a>" * 100 + "</a>" * 100,
        "<KeyContainer>",
        '<KeyContainer Version="7"/>',
        "<other/>",
        "<KeyContainer>\x00</KeyContainer>",
        "<KeyContainer>\ud800</KeyContainer>",
        # Nothing but the declaration says that what follows is EBCDIC.
        '<?xml version="1.0" encoding="cp037"?>' + (BOMB + "<KeyContainer/>").encode("cp037").decode("latin-1"),
    ],
)
def test_hostile_documents_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_seeds(text, Secret(KEY), SeedFormat.PSKC)


def test_a_file_cannot_ask_for_hours_of_key_derivation() -> None:
    text = written("qwerty").replace(">1000</", ">2000000000</")
    with pytest.raises(Invalid, match="rounds"):
        read_seeds(text, Secret("qwerty"))


def test_lower_case_pskc_of_privacyidea_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid, match="--format pi"):
        read_seeds('<?xml version="1.0"?><keycontainer version="1.0"><keypackage/></keycontainer>')


def test_other_profiles_are_refused() -> None:
    (entry,) = read_seeds(
        '<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage><Key Id="1" '
        'Algorithm="urn:ietf:params:xml:ns:keyprov:pskc#OCRA-1:HOTP-SHA512-8:C-QN08"/></KeyPackage></KeyContainer>'
    )
    assert isinstance(entry, Unusable)
    assert "Only totp and hotp" in entry.reason
