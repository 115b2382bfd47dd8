"""Key URIs: what authenticator apps read from them, and what is omitted."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secconsole.domain.factors.otpauth import (
    KeyUriError,
    key_text,
    label_part,
    otpauth_uri,
    parse_otpauth,
    seed_from_text,
)
from secconsole.domain.factors.qr import qr_version
from secconsole.domain.factors.totp import TotpParameters
from secconsole.domain.secret import Secret
from secconsole.domain.text import is_plain
from tests.extent import examples

SEED = Secret(bytes(range(20)))
KEY = "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT"

names = st.text(max_size=25)
seeds = st.binary(min_size=14, max_size=64).map(Secret)


def uri(account: str, issuer: str, seed: Secret[bytes] = SEED) -> str:
    return otpauth_uri(seed=seed, account=account, issuer=issuer).reveal()


def test_a_short_uri_repeats_the_issuer_and_omits_defaults() -> None:
    assert uri("ana@example.com", "Acme") == f"otpauth://totp/Acme:ana@example.com?secret={KEY}&issuer=Acme"


def test_the_issuer_is_not_repeated_if_the_code_would_be_too_tall() -> None:
    account, issuer = "maria.ivanova.longer@corp.example.com", "Example Corporation Holding"
    once = uri(account, issuer)
    assert "issuer=" not in once
    assert qr_version(once) == 6
    assert qr_version(once + "&issuer=Example%20Corporation%20Holding") > 6
    assert parse_otpauth(once).issuer == issuer


def test_blanks_are_percent_encoded_never_plus() -> None:
    made = uri("ana+work@example.com", "Acme Corp & Söhne")
    assert "+" not in made
    assert "Acme%20Corp%20%26%20S%C3%B6hne:ana%2Bwork@example.com?" in made
    assert parse_otpauth(made).account == "ana+work@example.com"


def test_a_colon_cannot_move_the_account_to_another_issuer() -> None:
    read = pyotp.parse_uri(uri("Bank:ana", "Acme: Prod"))
    assert (read.issuer, read.name) == ("Acme- Prod", "Bank-ana")


@settings(max_examples=examples(100))
@given(seed=seeds, account=names, issuer=names)
def test_any_names_round_trip_and_pyotp_agrees(seed: Secret[bytes], account: str, issuer: str) -> None:
    person, organisation = label_part(account), label_part(issuer)
    if not person:
        with pytest.raises(KeyUriError):
            uri(account, issuer, seed)
        return
    made = uri(account, issuer, seed)
    assert made.isascii()
    assert is_plain(made)
    read = parse_otpauth(Secret(made))
    assert (read.account, read.issuer, read.parameters) == (person, organisation, TotpParameters())
    assert read.seed == seed
    theirs = pyotp.parse_uri(made)
    assert isinstance(theirs, pyotp.TOTP)
    assert (theirs.name, theirs.issuer or "", theirs.secret) == (person, organisation, key_text(seed))


@given(
    algorithm=st.sampled_from(["SHA1", "SHA256", "SHA512"]),
    digits=st.sampled_from([6, 7, 8]),
    period=st.sampled_from([15, 30, 60]),
)
def test_default_parameters_are_omitted(algorithm: str, digits: int, period: int) -> None:
    made = otpauth_uri(
        seed=SEED, account="ana", issuer="Acme", algorithm=algorithm, digits=digits, period=period
    ).reveal()
    query = urlsplit(made).query
    assert ("algorithm=" in query) == (algorithm != "SHA1")
    assert ("digits=" in query) == (digits != 6)
    assert ("period=" in query) == (period != 30)
    read = parse_otpauth(made).parameters
    assert (read.algorithm, read.digits, read.period) == (algorithm, digits, period)
    if digits != 7:  # pyotp knows 6 and 8
        theirs = pyotp.parse_uri(made)
        assert isinstance(theirs, pyotp.TOTP)
        assert (theirs.digits, theirs.interval, theirs.digest().name.upper()) == (digits, period, algorithm)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"algorithm": "MD5"}, "algorithm"),
        ({"digits": 5}, "digits"),
        ({"period": 0}, "period"),
        ({"account": " "}, "account"),
    ],
)
def test_uris_that_no_app_reads_are_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(KeyUriError) as caught:
        otpauth_uri(**{"seed": SEED, "account": "ana", "issuer": "Acme", **change})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com/",
        f"otpauth://hotp/ana?secret={KEY}&counter=1",
        "otpauth://totp/ana",
        "otpauth://totp/ana?secret=",
        "otpauth://totp/ana?secret=1!",
        f"otpauth://totp/?secret={KEY}",
        f"otpauth://totp/ana?secret={KEY}&digits=six",
        f"otpauth://totp/ana?secret={KEY}&period=-1",
        f"otpauth://[totp/ana?secret={KEY}",
    ],
)
def test_an_invalid_key_uri_is_refused_without_repeating_the_key(text: str) -> None:
    with pytest.raises(KeyUriError) as caught:
        parse_otpauth(text)
    assert KEY not in str(caught.value)


def test_uris_of_other_vendors_are_parsed() -> None:
    read = parse_otpauth(f"otpauth://TOTP/Big%3A%20ana%40x?issuer=Big&secret={KEY.lower()}====&algorithm=sha256")
    assert (read.issuer, read.account, read.parameters.algorithm) == ("Big", "ana@x", "SHA256")
    assert read.seed == SEED
    assert KEY not in repr(read)
    assert "\\x00" not in repr(read)


@given(seeds)
def test_the_key_is_parsed_in_any_spelling(seed: Secret[bytes]) -> None:
    text = key_text(seed)
    grouped = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    assert set(text) <= set(string.ascii_uppercase + "234567")
    assert seed_from_text(Secret(grouped.lower())) == seed
