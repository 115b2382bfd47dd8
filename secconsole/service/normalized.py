"""Normalisation of a request's texts before its tenant is locked.

The rules stay where they are and ask for the same forms again inside the transaction, where they are found in the
cache.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress

from secconsole.domain.errors import Invalid
from secconsole.domain.messages.mail_address import mail_address, on_the_wire
from secconsole.domain.secret import Secret
from secconsole.domain.users.fold import spell
from secconsole.domain.users.login import login_key, skeleton
from secconsole.domain.users.password import normal_password
from secconsole.service.time_slices import Pace


async def spell_out(operation: object) -> None:
    """Compute the normal forms of an operation's texts, a few at a time so that others are served in between."""
    pace = Pace()
    for form, text in _forms(operation):
        with suppress(Invalid):  # raised when it is asked for
            form(text)
        await pace.give_way()


def _forms(operation: object) -> Iterator[tuple[Callable[[str], object], str]]:
    """Yield what to compute for each text that is not in a single form already.

    Lists contain the names of users.
    """
    for field in dataclasses.fields(operation):  # type: ignore[arg-type]
        value = getattr(operation, field.name)
        if isinstance(value, Secret):
            text = value.reveal()
            if isinstance(text, str) and not text.isascii():
                yield _normal_secret, text
        elif isinstance(value, str):
            for text in _as_written(value):
                yield from ((form, text) for form in _OF_TEXT)
        elif isinstance(value, tuple | list):
            yield from ((login_key, item) for item in value if isinstance(item, str) and not item.isascii())


def _as_written(text: str) -> tuple[str, ...]:
    """Return a text with and without surrounding spaces, because some are stored without."""
    if text.isascii():
        return ()
    bare = text.strip()
    return (text,) if bare == text else (text, bare)


def _address(text: str) -> object:
    return on_the_wire(mail_address(text))


def _normal_secret(text: str) -> Secret[str]:
    return normal_password(Secret(text))


_OF_TEXT: tuple[Callable[[str], object], ...] = (login_key, skeleton, spell, _address)
