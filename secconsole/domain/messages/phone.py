"""Phone numbers: one spelling for each (E.164), and their masked form."""

from __future__ import annotations

from secconsole.domain.errors import Unfit
from secconsole.domain.text import visible


def e164(text: str) -> str:
    """Return a phone number with its country code in the form that is stored.

    Raise `Unfit` for an incomplete number: without its area code it would be the number of someone else, and an
    extension would be dropped.
    """
    import phonenumbers  # imported late: most commands never see a number

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise Unfit("The phone number needs its country code, as in +420 601 123 456.", "phone") from None
    if number.extension:
        raise Unfit("The phone number has an extension, and codes cannot be sent to one. Leave it out.", "phone")
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise Unfit("The phone number lacks its area code.", "phone")
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise Unfit("The phone number is too long or too short for its country.", "phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def sms_number(text: str) -> str:
    """Return a number that codes may be sent to, as E.164.

    Raise `Unfit` for premium-rate numbers, which cost the sender extra, and for numbers of no country, such as
    satellite numbers: both are used for SMS pumping.
    """
    import phonenumbers

    number = e164(text)
    parsed = phonenumbers.parse(number, None)
    premium = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE
    if premium or phonenumbers.region_code_for_number(parsed) == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        raise Unfit("That is a premium-rate number. Enter a mobile number.", "phone")
    return number


def masked_phone(number: str) -> str:
    """Return a number masked to its last three digits, or to none if it is too short."""
    digits = [c for c in number if c.isdigit()]
    if len(digits) < 6:
        return "•••" if number else ""
    return f"••• {visible(''.join(digits[-3:]))}"
