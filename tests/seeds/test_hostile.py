"""No text makes a reader crash or hang: it returns entries or raises `Invalid`."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.formats import SeedFormat, read_seeds, recognise
from secconsole.domain.seeds.google_migration import parse_message
from secconsole.domain.seeds.seed import SHORTEST_SEED, Seed, Unusable

from . import samples
from .test_formats import OF_FORMAT

KEYS = {SeedFormat.PRIVACYIDEA: samples.FERNET_KEY}
_KEYS = [samples.BASE32, samples.HEX, "9" * 5000]
_WORDS = [
    "otpauth://totp/",
    "?secret=",
    "&digits=",
    "totp",
    "hotp",
    "users",
    "tokens",
    "<Key>",
    "</Key>",
    "<KeyContainer>",
]
_SIGNS = [",", '"', '" ', "\n", "{", "}", "[", "]", "\ud800", "\x00", "\u2028", "\u0661"]
PIECES = st.sampled_from([*_KEYS, *_WORDS, *_SIGNS])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=20).map("".join)


def check(text: str, format: SeedFormat | None) -> None:
    password = Secret(KEYS[format]) if format in KEYS else Secret("00" * 16)
    with contextlib.suppress(Invalid, Unavailable):
        for entry in read_seeds(text, password, format):
            assert isinstance(entry, Seed | Unusable)
            if isinstance(entry, Seed):
                assert len(entry.secret.reveal()) >= SHORTEST_SEED
                assert 6 <= entry.digits <= 8
                assert 15 <= entry.period <= 120
            else:
                assert entry.reason
                assert entry.name.isprintable()


@pytest.mark.parametrize("format", SeedFormat)
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_any_text_is_read_or_refused(format: SeedFormat, text: str) -> None:
    recognise(text)
    check(text, format)


@pytest.mark.parametrize("format", SeedFormat)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_change_of_a_real_file_is_read_or_refused(format: SeedFormat, data: st.DataObject) -> None:
    text = OF_FORMAT[format]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    changed = text[:start] + data.draw(TEXTS) + text[end:]
    check(changed, format)
    check(changed, None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
@example(b"\xff" * 60)
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_message(data)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"users":' + "[" * 200_000,
        '{"tokens":[' + '{"a":' * 100_000,
        '{"header":1,"db":' + "[" * 200_000,
    ],
)
@pytest.mark.parametrize("format", [None, *SeedFormat])
def test_deep_nesting_is_refused(text: str, format: SeedFormat | None) -> None:
    check(text, format)
