"""A code goes only to the address that was given: domains by IDNA 2008, and complete numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.errors import Invalid
from secconsole.domain.messages.mail_address import address_key, mail_address, masked_mail, on_the_wire
from secconsole.domain.messages.phone import e164, sms_number

WIRE = {
    "ana@faß.example": "ana@xn--fa-hia.example",
    "ana@straße.example": "ana@xn--strae-oqa.example",
    "ana@βόλος.example": "ana@xn--nxasmm1c.example",
    "ana@čáp.example": "ana@xn--p-tfa5k.example",
    "ana@r3---sn.example": "ana@r3---sn.example",  # not IDNA's, and in use
}


@pytest.mark.parametrize("address", WIRE)
def test_domains_are_encoded_by_idna_2008(address: str) -> None:
    assert on_the_wire(mail_address(address)) == (WIRE[address], False)
    assert on_the_wire(address) == (WIRE[address], False), "as an older program kept it"


@pytest.mark.parametrize("address", WIRE)
def test_all_spellings_of_a_domain_are_one_address(address: str) -> None:
    name, _, domain = address.rpartition("@")
    louder = "".join(sign.upper() if sign.isascii() else sign for sign in domain)
    spellings = [address, WIRE[address], f" {name}@{louder} ", WIRE[address].replace("ana@", "Ana@").upper()]
    assert {mail_address(text).lower() for text in spellings} == {address}
    assert {address_key(text) for text in spellings} == {address}
    assert {masked_mail(text).lower() for text in spellings} == {masked_mail(address)}


def test_two_mailboxes_that_only_fold_to_one_stay_two() -> None:
    for one, other in (("strauß@acme.example", "strauss@acme.example"), ("ana@faß.example", "ana@fass.example")):
        assert address_key(one) != address_key(other)
    assert address_key("Ana@ACME.example") == address_key("ana@acme.example")
    assert address_key("no address\u00a0") == "no address"


@pytest.mark.parametrize(
    "text",
    [
        "ana@acme.example\n",
        "\nana@acme.example",
        "ana@acme.example\r\n",
        "ana@acme.example\u2028",
        "ana\x85@acme.example",
        "ana@acme.example\x0c",
        "=?utf-8?q?eve=40evil.example?=@acme.example",
        "=?utf-8?b?ZXZl?=@acme.example",
        "ana@=?utf-8?q?evil?=.example",
        "ana@☃.example",
        "ana@xn--a.example",
        "ana@xn---bbk.example",
        "ana@127.1",
        "ana@2130706433",
        "ana@0x7f000001",
        "ana@acme.example.",
        "ana@a_b.example",
        "ana@acme\u3002\u3002example",
        "ana@" + "ﷺ" * 60 + ".example",
        "ana@a\u200db.example",
    ],
)
def test_addresses_that_would_be_misdelivered_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        mail_address(text)


@given(st.text(max_size=80))
def test_normalized_addresses_are_accepted_unchanged(text: str) -> None:
    """The form that is kept is its own spelling, goes over the wire, and holds no line end."""
    try:
        kept = mail_address(f"ana@{text}")
    except Invalid:
        return
    assert mail_address(kept) == kept
    wire, beyond_ascii = on_the_wire(kept)
    assert (wire.isascii(), beyond_ascii) == (True, False)
    assert mail_address(wire) == kept
    assert len(kept.splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+1 555 0100", "area code"),
        ("+44 20 7946", "area code"),
        ("+420602123459 ext 5", "extension"),
        ("+420602123459;ext=5", "extension"),
        ("+420 602 123 459 x5", "extension"),
        ("+1 500 555 0009,,5", "extension"),
        ("+420 602", "too short"),
    ],
)
def test_incomplete_numbers_are_refused(number: str, why: str) -> None:
    for take in (e164, sms_number):
        with pytest.raises(Invalid) as refused:
            take(number)
        assert why in refused.value.message
