"""The texts of messages: the company's own file where there is a good one, else the one that comes with the program.

A file of one's own is read when it is needed and looked at again when it has changed. One that cannot be used keeps no
message from being sent: the program's own text is, and `doctor` tells of it.
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
from secconsole.delivery.template import LONGEST_SMS, BadText, Form, Template, read_template
from secconsole.domain.errors import Unavailable

_DEFAULTS = Path(__file__).parent / "defaults"
_ACCOUNT = ("tenant", "login", "contact")
_EVENT = (*_ACCOUNT, "when", "who", "where", "entry")


def _form(name: str, *places: str, needed: tuple[str, ...] = (), sms: bool = False) -> Form:
    return Form(name, frozenset(places), frozenset(needed), not sms, LONGEST_SMS if sms else 0)


def _notice(name: str, *places: str) -> Form:
    return _form(f"notice-{name}", *_EVENT, *places, needed=("contact",))


FORMS = {
    form.name: form
    for form in (
        _form("code-email", *_ACCOUNT, "code", "prefix", "minutes", needed=("code",)),
        _form("code-sms", "tenant", "code", "prefix", "minutes", needed=("code",), sms=True),
        _form("test-email", "tenant", "code", "prefix", "minutes", needed=("code",)),
        _form("test-sms", "tenant", "code", "prefix", "minutes", needed=("code",), sms=True),
        _form("key-email", *_ACCOUNT, "key", "link", needed=("key",)),
        Form("contact", frozenset({"tenant"}), subject=False),
        _notice("bound", "factor"),
        _notice("removed", "factor"),
        _notice("unbound"),
        _notice("unbind-undone"),
        _notice("cancelled"),
        _notice("recovery-made"),
        _notice("recovery-used", "left"),
        _notice("whitelisted", "until"),
        _notice("password-reset"),
        _notice("password-changed"),
        _notice("token", "name", "scopes", "until"),
        _notice("contact", "address"),
        _notice("key-mailed", "address"),
    )
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not used, and why."""

    path: Path
    why: str


_Stamp = tuple[int, int, int, int]
_own: dict[Path, tuple[_Stamp, Template | Problem]] = {}


def text(name: str) -> Template:
    """The text by this name, as messages are made of it now."""
    found = _found(locations.texts_dir() / f"{name}.txt", FORMS[name])
    return found if isinstance(found, Template) else built_in(name)


@functools.cache
def built_in(name: str) -> Template:
    """The text that comes with the program."""
    return read_template(FORMS[name], (_DEFAULTS / f"{name}.txt").read_bytes())


def problems() -> Iterator[Problem]:
    """The files of one's own that are not used."""
    folder = locations.texts_dir()
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        yield Problem(folder, f"it cannot be looked into: {error.strerror}")
        return
    for path in paths:
        form = FORMS.get(path.stem) if path.suffix == ".txt" else None
        found = _found(path, form) if form else Problem(path, "there is no text by that name")
        if isinstance(found, Problem):
            yield found


def _found(path: Path, form: Form) -> Template | Problem | None:
    """What a file holds; None if there is no such file."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Problem(path, f"it cannot be read: {error.strerror}")
    if not stat.S_ISREG(info.st_mode):
        return Problem(path, "it is no file")
    stamp = (info.st_mtime_ns, info.st_size, info.st_ino, info.st_mode)
    known = _own.get(path)
    if known is None or known[0] != stamp:
        known = _own[path] = (stamp, _read(path, form))
    return known[1]


def _read(path: Path, form: Form) -> Template | Problem:
    try:
        return read_template(form, read_private(path).encode())
    except BadText as error:
        return Problem(path, str(error))
    except Unavailable as error:
        return Problem(path, error.message)
