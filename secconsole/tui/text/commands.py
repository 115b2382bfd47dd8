"""Commands that do the same as an operation of the console, with its arguments, for a shell.

A secret is never an argument, so no field that holds one is in a template: the command asks for it.
"""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.base import Operation
from secconsole.tui.text.command_templates import template_of

_FIELD = re.compile(r"(?P<option>--[a-z-]+)?(?P<how>==|=|\?|!)?\{(?P<field>[a-z_]+)\}")
_JOINED = frozenset({"kinds"})


def command_line(operation: Operation[object]) -> str:
    """Return the command that does the same, or an empty string if there is none."""
    template = template_of(operation)
    if not template:
        return ""
    words: list[str] = []
    arguments: list[str] = []
    options: list[str] = []
    for part in template.split():
        found = _FIELD.fullmatch(part)
        if found is None:
            (options if part.startswith("--") else words).append(part)
        else:
            value = getattr(operation, found["field"])
            assert not isinstance(value, Secret), part
            texts = _texts(value, joined=found["field"] in _JOINED)
            if found["option"] is None:
                arguments += texts
            else:
                options += _option(found["option"], found["how"], value, texts)
    if tenant := str(getattr(operation, "tenant", "") or ""):
        options.append(f"--tenant={shlex.quote(visible(tenant))}")
    quoted = [shlex.quote(text) for text in arguments]
    dashed = any(text.startswith("-") for text in arguments)  # such a word would be read as an option
    rest = [*options, "--", *quoted] if dashed else [*quoted, *options]
    return " ".join(["secconsole", *words, *rest])


def _option(name: str, how: str, value: object, texts: list[str]) -> list[str]:
    if how in "?!":
        return [name] if value is (how == "?") else []
    if value is None or (how == "=" and not any(texts)):
        return []
    return [f"{name}={shlex.quote(text)}" for text in texts]


def _texts(value: object, *, joined: bool) -> list[str]:
    """Return a value as arguments, each on one line: a line end that is pasted would run what comes before it."""
    if value is None:
        return []
    if isinstance(value, tuple):
        found = [text for item in value for text in _texts(item, joined=False)]
        return [",".join(found)] if joined and found else found
    if isinstance(value, bool):
        return ["on" if value else "off"]
    if isinstance(value, datetime):
        return [value.astimezone(UTC).isoformat()]
    return [visible(str(value))]
