"""Texts of messages: the organisation's own file if there is a usable one, otherwise the built-in text.

Own files are read when they are needed, and again after a change. An unusable file prevents no message: the built-in
text is used instead, and `doctor` reports the file.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secconsole.config import locations
from secconsole.config.private import read_private
from secconsole.delivery.template import BadText, Template, TextSpec, read_template
from secconsole.domain.errors import Unavailable

_DEFAULTS = Path(__file__).parent / "defaults"
_ACCOUNT = ("tenant", "login", "contact")
_EVENT = (*_ACCOUNT, "when", "who", "where", "entry")


def _form(name: str, *places: str, needed: tuple[str, ...] = ()) -> TextSpec:
    return TextSpec(name, frozenset(places), frozenset(needed))


def _sms(name: str, *, any_names: bool = False) -> TextSpec:
    places = ("tenant", "login", "code", "prefix", "minutes", "purpose")
    return TextSpec(name, frozenset(places), frozenset({"code"}), subject=False, sms=True, any_names=any_names)


def _notice(name: str, *places: str) -> TextSpec:
    return _form(f"notice-{name}", *_EVENT, *places, needed=("contact",))


FORMS = {
    form.name: form
    for form in (
        _form("code-email", *_ACCOUNT, "code", "prefix", "minutes", "purpose", needed=("code",)),
        _sms("code-sms"),
        _sms("code-sms-short", any_names=True),
        _form("test-email", "tenant", "login", "code", "prefix", "minutes", "purpose", needed=("code",)),
        _sms("test-sms"),
        _sms("test-sms-short", any_names=True),
        _form("caller-email", *_ACCOUNT, "code", "prefix", "minutes", "purpose", needed=("code",)),
        _sms("caller-sms"),
        _sms("caller-sms-short", any_names=True),
        _form("key-email", *_ACCOUNT, "key", "link", needed=("key",)),
        _form("invitation-email", *_ACCOUNT, "password", "until", needed=("password", "login")),
        _form("reset-email", *_ACCOUNT, "password", "until", needed=("password", "login")),
        _form("reminder-email", *_ACCOUNT, "until", needed=("until",)),
        _form("advice", "tenant", "contact"),
        TextSpec("contact", frozenset({"tenant"}), subject=False),
        _notice("bound", "factor"),
        _notice("removed", "factor"),
        _notice("unbound"),
        _notice("reset", "what"),
        _notice("weakened", "before", "after"),
        _notice("alert-loosened", "rule", "before", "after"),
        _notice("unbind-undone"),
        _notice("cancelled"),
        _notice("recovery-made"),
        _notice("recovery-used", "left"),
        _notice("bypass-issued", "starts", "ends"),
        _notice("bypass-used"),
        _notice("whitelisted", "until"),
        _notice("password-reset"),
        _notice("password-mailed", "address"),
        _notice("password-changed"),
        _notice("token", "name", "scopes", "until"),
        _notice("contact", "address"),
        _notice("phone", "number"),
        _notice("key-mailed", "address"),
        _form("alert-email", *_ACCOUNT, "alert", "rule", "when", "entry", "more", needed=("alert",)),
    )
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Own file that is not used, with the reason."""

    path: Path
    why: str


_Stamp = tuple[int, int, int, int]
_own: dict[Path, tuple[_Stamp, Template | Problem]] = {}


def text(name: str) -> Template:
    """Return the current text for messages of this name."""
    found = _found(locations.texts_dir() / f"{name}.txt", FORMS[name])
    return found if isinstance(found, Template) else built_in(name)


@functools.cache
def built_in(name: str) -> Template:
    """Return the built-in text."""
    return read_template(FORMS[name], (_DEFAULTS / f"{name}.txt").read_bytes())


def problems() -> Iterator[Problem]:
    """Return the own files that are not used."""
    folder = locations.texts_dir()
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        yield Problem(folder, f"it cannot be opened: {error.strerror}")
        return
    for path in paths:
        form = FORMS.get(path.stem) if path.suffix == ".txt" else None
        found = _found(path, form) if form else Problem(path, "there is no text with that name")
        if isinstance(found, Problem):
            yield found


def _found(path: Path, form: TextSpec) -> Template | Problem | None:
    """Return the content of a file, or None if it does not exist."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Problem(path, f"it cannot be read: {error.strerror}")
    if not stat.S_ISREG(info.st_mode):
        return Problem(path, "it is not a file")
    stamp = (info.st_mtime_ns, info.st_size, info.st_ino, info.st_mode)
    known = _own.get(path)
    if known is None or known[0] != stamp:
        known = _own[path] = (stamp, _read(path, form))
    return known[1]


def _read(path: Path, form: TextSpec) -> Template | Problem:
    try:
        return read_template(form, read_private(path).encode())
    except BadText as error:
        return Problem(path, str(error))
    except Unavailable as error:
        return Problem(path, error.message)
