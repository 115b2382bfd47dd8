"""Files of every format: recognised, read, and refused entry by entry."""

from __future__ import annotations

import json

import pytest

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.totp import Algorithm
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.formats import SeedFormat, read_seeds, recognise
from secconsole.domain.seeds.seed import LONGEST_FILE, Entry, Seed, Unusable

from . import samples

OF_FORMAT = {
    SeedFormat.OTPAUTH: samples.OTPAUTH,
    SeedFormat.GOOGLE: samples.google(samples.account()),
    SeedFormat.OATH_CSV: samples.OATH,
    SeedFormat.YUBICO_CSV: samples.YUBICO,
    SeedFormat.AEGIS: samples.AEGIS,
    SeedFormat.FREEOTP: samples.FREEOTP,
    SeedFormat.KEYCLOAK: samples.KEYCLOAK,
    SeedFormat.PAM: samples.PAM,
    SeedFormat.PRIVACYIDEA: samples.privacyidea(),
    SeedFormat.PSKC: '<?xml version="1.0"?><KeyContainer/>',
}


def facts(entry: Entry) -> tuple[object, ...]:
    assert isinstance(entry, Seed), entry
    return (entry.user, entry.serial, entry.kind, entry.algorithm, entry.digits, entry.period, entry.counter)


def reason(entry: Entry) -> str:
    assert isinstance(entry, Unusable), entry
    return entry.reason


@pytest.mark.parametrize("format", SeedFormat)
def test_each_format_is_recognised_by_its_contents(format: SeedFormat) -> None:
    assert recognise(OF_FORMAT[format]) is format
    assert recognise("\ufeff\n" + OF_FORMAT[format]) is format


@pytest.mark.parametrize(
    "text", ["", "\n", "hello", samples.BASE32, samples.HEX, "{", "{}", "[]", "a,b,c", "ana,secret"]
)
def test_other_texts_are_not_recognised(text: str) -> None:
    assert recognise(text) is None
    with pytest.raises(Invalid, match="--format"):
        read_seeds(text)


def test_traditional_yubico_and_files_with_users_are_recognised() -> None:
    assert recognise(samples.YUBICO_TRADITIONAL) is SeedFormat.YUBICO_CSV
    assert recognise(samples.OATH_USERS) is SeedFormat.OATH_CSV
    assert recognise(json.dumps(samples.PRIVACYIDEA_TOKENS)) is SeedFormat.PRIVACYIDEA


def test_otpauth_uris_are_read_with_their_own_parameters() -> None:
    grouped = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq"
    text = "\n".join(
        (
            "# exported",
            f"otpauth://totp/Acme:ana?secret={grouped.replace(' ', '%20')}&algorithm=sha256&digits=7&period=20",
            f"otpauth://totp/ana+work@acme.example?secret={samples.BASE32}&algorithm=SHA512&digits=8&period=60",
            f"otpauth://hotp/eli?secret={samples.BASE32}&counter=9",
        )
    )
    first, second, third = read_seeds(text)
    assert facts(first) == ("ana", "", "totp", Algorithm.SHA256, 7, 20, 0)
    assert facts(second) == ("ana+work@acme.example", "", "totp", Algorithm.SHA512, 8, 60, 0)
    assert facts(third) == ("eli", "", "hotp", Algorithm.SHA1, 6, 30, 9)
    assert isinstance(first, Seed)
    assert (first.secret.reveal(), first.label, first.line) == (samples.SECRET, "Acme", 2)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("totp/a?secret=", "not Base32"),
        ("totp/a?secret=GEZDGNBV1", "not Base32"),
        ("totp/a?secret=GEZDGNBV", "40 bits"),
        (f"totp/a?secret={samples.BASE32}&period=10", "between 15 and 120"),
        (f"totp/a?secret={samples.BASE32}&period=3600", "between 15 and 120"),
        (f"totp/a?secret={samples.BASE32}&period=-30", "whole number"),
        (f"totp/a?secret={samples.BASE32}&digits=5", "six to eight"),
        (f"totp/a?secret={samples.BASE32}&digits=9" + "9" * 5000, "whole number"),
        (f"totp/a?secret={samples.BASE32}&algorithm=MD5", "SHA1, SHA256"),
        (f"totp/a?secret={samples.BASE32}&secret={samples.BASE32}", "occurs twice"),
        (f"hotp/a?secret={samples.BASE32}", "counter"),
        (f"steam/a?secret={samples.BASE32}", "Only totp and hotp"),
        ("totp/a", "not Base32"),
        ("totp/a?secret", "not an otpauth URI"),
        (f"totp/{'a' * 300}?secret={samples.BASE32}", "256 characters"),
    ],
)
def test_a_bad_uri_is_refused_alone_and_its_key_is_not_shown(rest: str, words: str) -> None:
    bad, good = read_seeds(f"otpauth://{rest}\n{samples.OTPAUTH}")
    assert words in reason(bad)
    assert samples.BASE32 not in repr(bad)
    assert isinstance(good, Seed)
    assert samples.BASE32 not in repr(good)
    assert repr(samples.SECRET) not in repr(good)


def test_hostile_accounts_are_shown_with_their_characters_escaped() -> None:
    (bad,) = read_seeds("otpauth://totp/a%1b[31m%e2%80%ae?secret=1")
    assert isinstance(bad, Unusable)
    assert bad.name == "a\\x1b[31m\\u202e"


def test_google_codes_are_read_in_any_order_and_missing_ones_are_named() -> None:
    weak = samples.account("ana", b"0123456789", "Acme", (4, 2), (5, 2), (6, 2))
    first = samples.google(samples.account(), size=3, index=0)
    second = samples.google(weak, samples.account("eli", samples.SECRET, "", (6, 1), (7, 300)), size=3, index=2)
    one, two, three, missing = read_seeds(f"{first}\n{second}\n{first}\n")
    assert facts(one) == ("ana", "", "totp", Algorithm.SHA1, 6, 30, 0)
    assert facts(two) == ("ana", "", "totp", Algorithm.SHA256, 8, 30, 0)
    assert facts(three) == ("eli", "", "hotp", Algorithm.SHA1, 6, 30, 300)
    assert isinstance(two, Seed)
    assert two.is_weak
    assert "3 QR codes, and 2 of them" in reason(missing)


@pytest.mark.parametrize("data", ["", "AAAA", "Cv////8P", "%%%", "CgMKAQ", "/" * 1000])
def test_damaged_google_codes_are_refused(data: str) -> None:
    assert reason(read_seeds(f"otpauth-migration://offline?data={data}")[0])


def test_google_keys_with_md5_are_refused() -> None:
    (bad,) = read_seeds(samples.google(samples.account("ana", samples.SECRET, "", (4, 4))))
    assert "SHA1" in reason(bad)


def test_oath_csv_has_counters_periods_and_users() -> None:
    hotp, totp, minute = read_seeds(samples.OATH)
    assert facts(hotp) == ("", "token01", "hotp", Algorithm.SHA1, 6, 30, 0)
    assert facts(totp) == ("", "token02", "totp", Algorithm.SHA1, 6, 30, 0)
    assert facts(minute) == ("", "token03", "totp", Algorithm.SHA1, 8, 60, 0)
    (ana,) = read_seeds(samples.OATH_USERS)
    assert facts(ana) == ("ana", "token02", "totp", Algorithm.SHA1, 6, 60, 0)


def test_the_hash_is_never_guessed_from_the_length_of_a_key() -> None:
    (long,) = read_seeds(f"token, {'00' * 64}, totp, 6, 30")
    assert facts(long)[3] is Algorithm.SHA1
    (named,) = read_seeds(f"token, {samples.HEX}, totp, 6, 30, SHA256")
    assert facts(named)[3] is Algorithm.SHA256


def test_csv_of_privacyidea_is_refused_because_it_loses_the_hash() -> None:
    with pytest.raises(Invalid, match="leaves out"):
        read_seeds(f"ana@acme, TOTP0001, {samples.HEX}, totp, 6, 30\n")


def test_other_types_of_tokens_are_refused_line_by_line() -> None:
    ocra, odd, good = read_seeds(
        f"a, {samples.HEX}, ocra, OCRA-1:HOTP-SHA1-8:QH40\nb, {samples.HEX}0, totp\n{samples.OATH.splitlines()[0]}",
        format=SeedFormat.OATH_CSV,
    )
    assert "ocra" in reason(ocra)
    assert "hexadecimal" in reason(odd)
    assert isinstance(good, Seed)


def test_yubico_files_are_hotp_and_other_modes_are_refused() -> None:
    (entry,) = read_seeds(samples.YUBICO)
    assert facts(entry) == ("", "508327", "hotp", Algorithm.SHA1, 6, 30, 0)
    hotp, otp = read_seeds(samples.YUBICO_TRADITIONAL)
    assert facts(hotp) == ("", "cccccccccccc", "hotp", Algorithm.SHA1, 8, 30, 0)
    assert "Yubico OTP" in reason(otp)
    own, static = read_seeds(
        "508326,cccccccccccc,83cebdfb7b93,a47c5bf9c152202f577be6721c0113af,,2013-12-12T08:43:17,\n"
        "508326,,,9e2fd386224a7f77e9b5aee775464033,,2013-12-12T08:44:34,\n"
    )
    assert "Yubico OTP" in reason(own)
    assert "static" in reason(static)


def test_aegis_entries_are_read_and_steam_is_refused() -> None:
    ana, eli, game = read_seeds(samples.AEGIS)
    assert facts(ana) == ("ana", "", "totp", Algorithm.SHA256, 7, 20, 0)
    assert facts(eli) == ("eli", "", "hotp", Algorithm.SHA1, 6, 30, 5)
    assert "steam" in reason(game)
    with pytest.raises(Invalid, match="encrypted"):
        read_seeds(json.dumps({"version": 1, "header": {"slots": []}, "db": "AAAA"}))


def test_freeotp_has_signed_bytes_and_the_last_counter() -> None:
    ana, eli = read_seeds(samples.FREEOTP)
    assert isinstance(ana, Seed)
    assert ana.secret == Secret(samples.SIGNED)
    assert facts(eli)[-1] == 7
    (bad,) = read_seeds('{"tokens": [{"secret": [300, 1], "label": "x"}]}')
    assert "bytes" in reason(bad)


def test_keycloak_keys_are_raw_text_unless_declared_as_base32() -> None:
    ana, eli = read_seeds(samples.KEYCLOAK)
    assert facts(ana) == ("ana", "", "totp", Algorithm.SHA256, 6, 30, 0)
    assert facts(eli) == ("eli", "", "totp", Algorithm.SHA1, 8, 30, 0)
    assert isinstance(ana, Seed)
    assert isinstance(eli, Seed)
    assert ana.secret == eli.secret == Secret(samples.SECRET)
    assert (ana.label, ana.line) == ("phone", 2)


def test_files_of_the_pam_module_have_a_period_and_no_user() -> None:
    (entry,) = read_seeds(samples.PAM)
    assert facts(entry) == ("", "", "totp", Algorithm.SHA1, 6, 60, 0)
    (counter,) = read_seeds(f'{samples.BASE32}\n" HOTP_COUNTER 41\n')
    assert facts(counter) == ("", "", "hotp", Algorithm.SHA1, 6, 30, 41)


def test_privacyidea_exports_keep_hash_period_and_user() -> None:
    ana, hotp, disabled, other = read_seeds(samples.privacyidea(), Secret(f" {samples.FERNET_KEY}\n"))
    assert facts(ana) == ("ana", "TOTP0001", "totp", Algorithm.SHA256, 8, 60, 0)
    assert facts(hotp) == ("", "HOTP0001", "hotp", Algorithm.SHA1, 6, 30, 12)
    assert "disabled" in reason(disabled)
    assert reason(other)


def test_a_wrong_or_missing_key_of_privacyidea_is_one_clear_error() -> None:
    export = samples.privacyidea()
    for password in (None, Secret("x"), Secret("A" * 43 + "=")):
        with pytest.raises(Invalid) as refused:
            read_seeds(export, password)
        assert refused.value.field == "password"
    with pytest.raises(Invalid, match="does not open"):
        read_seeds(export[:-8] + "AAAAAAA=", Secret(samples.FERNET_KEY))


def test_a_file_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(Invalid, match="MiB"):
        read_seeds("x" * (LONGEST_FILE + 1))
