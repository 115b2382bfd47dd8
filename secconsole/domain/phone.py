"""Phone numbers: one spelling for each (E.164), and what is shown of one."""

from __future__ import annotations

from secconsole.domain.errors import Unfit
from secconsole.domain.text import visible


def e164(text: str) -> str:
    """A phone number with its country code in the one form that is stored; raise `Unfit` if it is none."""
    import phonenumbers  # only now: most commands never see a number

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise Unfit("The phone number needs its country code, as in +420 601 123 456.", "phone") from None
    if not phonenumbers.is_possible_number(number):
        raise Unfit("The phone number is too long or too short for its country.", "phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def sms_number(text: str) -> str:
    """A number that codes may be sent to, as E.164; raise `Unfit` for one that is paid for by whoever sends.

    Those of no country, such as satellites', do too: they are what messages are pumped to for a share of the price.
    """
    import phonenumbers

    number = e164(text)
    parsed = phonenumbers.parse(number, None)
    premium = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE
    if premium or phonenumbers.region_code_for_number(parsed) == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        raise Unfit("That is a number that costs extra. Give the number of a mobile phone.", "phone")
    return number


def masked_phone(number: str) -> str:
    """A number where others may look on: its last three digits."""
    return f"••• {visible(number[-3:])}"
