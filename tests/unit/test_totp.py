"""RFC 6238's test vectors, the window, and the format of codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.factors.totp import (
    Algorithm,
    TotpParameters,
    clock_offset,
    code_for_step,
    is_code,
    matching_step,
    time_step,
)
from secconsole.domain.secret import Secret

# Appendix B prints one seed, but its SHA-256 and SHA-512 rows need 32 and 64 bytes of it (erratum 2866).
SEEDS = {
    Algorithm.SHA1: Secret(b"12345678901234567890"),
    Algorithm.SHA256: Secret(b"12345678901234567890123456789012"),
    Algorithm.SHA512: Secret(b"1234567890123456789012345678901234567890123456789012345678901234"),
}
VECTORS = [
    (59, ("94287082", "46119246", "90693936")),
    (1111111109, ("07081804", "68084774", "25091201")),
    (1111111111, ("14050471", "67062674", "99943326")),
    (1234567890, ("89005924", "91819424", "93441116")),
    (2000000000, ("69279037", "90698825", "38618901")),
    (20000000000, ("65353130", "77737706", "47863826")),
]
SEED = SEEDS[Algorithm.SHA1]
NOW = 1_800_000_000


@pytest.mark.parametrize("seconds, codes", VECTORS)
def test_a04_rfc_vectors_of_all_algorithms(seconds: int, codes: tuple[str, str, str]) -> None:
    for algorithm, code in zip(Algorithm, codes, strict=True):
        parameters = TotpParameters(algorithm, 8)
        assert code_for_step(SEEDS[algorithm], time_step(seconds), parameters) == code
        assert matching_step(SEEDS[algorithm], code, seconds, parameters) == time_step(seconds)
        six = TotpParameters(algorithm, 6)
        assert code_for_step(SEEDS[algorithm], time_step(seconds), six) == code[2:]


def test_a04_sha256_with_the_seed_as_printed_is_the_known_wrong_answer() -> None:
    assert code_for_step(SEED, 1, TotpParameters(Algorithm.SHA256, 8)) == "32247374"


def test_a04_hotp_start() -> None:
    assert [code_for_step(SEED, step) for step in range(3)] == ["755224", "287082", "359152"]


@pytest.mark.parametrize("offset, accepted", [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a05_window_is_one_step_each_way(offset: int, accepted: bool) -> None:
    step = time_step(NOW)
    found = matching_step(SEED, code_for_step(SEED, step + offset), NOW)
    assert found == (step + offset if accepted else None)


def test_the_highest_of_two_steps_with_the_same_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secconsole.domain.factors.totp.code_for_step", lambda *_: "123456")
    assert matching_step(SEED, "123456", NOW) == time_step(NOW) + 1


SPELLINGS = ["{} ", " {}", "+{}", "{}\n", "{}\0", "-{}", "0{}", "{}_"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a03_only_canonical_digits(spelling: str) -> None:
    code = code_for_step(SEED, time_step(NOW))
    assert matching_step(SEED, code, NOW) is not None
    assert matching_step(SEED, spelling.format(code), NOW) is None
    assert matching_step(SEED, f"{code[:3]} {code[3:]}", NOW) is None
    assert matching_step(SEED, f"{code[:3]}_{code[3:]}", NOW) is None


@pytest.mark.parametrize("zero", ["٠", "０", "०", "𝟎"])
def test_a03_digits_of_other_scripts_are_refused(zero: str) -> None:
    code = code_for_step(SEED, time_step(NOW))
    other = "".join(chr(ord(zero) + int(digit)) for digit in code)
    assert other.isdigit()
    assert matching_step(SEED, other, NOW) is None


@given(st.text(max_size=12))
def test_a03_no_text_raises(text: str) -> None:
    found = matching_step(SEED, text, NOW)
    assert found is None or is_code(text)


def test_offset_of_a_phones_clock_in_seconds() -> None:
    late = code_for_step(SEED, time_step(NOW) - 4)
    assert clock_offset(SEED, late, NOW) == -120
    assert clock_offset(SEED, "12345", NOW) is None
