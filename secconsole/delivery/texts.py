"""The words of messages with a code. Names in them are data: made visible, and cut so that a text stays one text."""

from __future__ import annotations

from secconsole.delivery.message import Message
from secconsole.domain.model import FactorKind
from secconsole.domain.otpauth import grouped_key
from secconsole.domain.passcode import LASTS, Passcode
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

_MINUTES = LASTS // 60_000
_LONGEST_NAME = 24  # of a tenant in an SMS, which has room for 160 characters in all


def code_message(kind: FactorKind, to: str, code: Passcode, *, tenant: str, login: str) -> Message:
    """A code for signing in, or for an address to be proved one's own."""
    if kind is FactorKind.SMS:
        text = f"{_named(tenant)}: {code.whole.reveal()} is your code, valid {_MINUTES} minutes. Tell it to nobody."
        return Message(to, "", Secret(text))
    lines = (
        f"Your code for {visible(tenant)} is {code.whole.reveal()}",
        "",
        f"Type the six digits where the letters {code.prefix} stand on the screen. They are valid for {_MINUTES} "
        "minutes and once; a newer code replaces them.",
        "",
        f"The code is for the account {visible(login)}. If it was not you who asked for it, somebody knows your "
        "password: change it and tell your helpdesk. Nobody will ever ask you to tell them this code.",
    )
    return Message(to, f"Code {code.prefix} for {visible(tenant)}", Secret("\n".join(lines) + "\n"))


def trial_message(kind: FactorKind, to: str, code: Passcode, *, tenant: str) -> Message:
    """A code that proves that settings for sending work."""
    if kind is FactorKind.SMS:
        text = f"{_named(tenant)}: test of SMS delivery. Type back: {code.whole.reveal()}"
        return Message(to, "", Secret(text))
    lines = (
        f"This message tests how {visible(tenant)} sends mail. Type this code back: {code.whole.reveal()}",
        "",
        f"It is valid for {_MINUTES} minutes. The settings take effect once it was typed back.",
    )
    return Message(to, f"Test {code.prefix} of mail from {visible(tenant)}", Secret("\n".join(lines) + "\n"))


def key_message(to: str, key: Secret[str], uri: Secret[str], *, tenant: str, login: str) -> Message:
    """The key of an authenticator app that is being bound."""
    lines = (
        f"The key for {visible(tenant)}, account {visible(login)}:",
        "",
        f"    {grouped_key(key.reveal())}",
        "",
        "In an authenticator app choose to type a key in, and give it with this name and account. Where this mail is "
        "read on the phone itself, this link does the same:",
        "",
        f"    {uri.reveal()}",
        "",
        "The key counts once a code from the app was confirmed. Delete this mail then: whoever has the key has the "
        "second factor. If it was not you who asked for it, tell your helpdesk.",
    )
    return Message(to, f"Your key for {visible(tenant)}", Secret("\n".join(lines) + "\n"))


def _named(tenant: str) -> str:
    return visible(tenant)[:_LONGEST_NAME].rstrip()
