"""`secconsole text`: the texts of messages, which an organisation can replace."""

from __future__ import annotations

from dataclasses import dataclass

import click

from secconsole.cli.command import Group, LocalCommand, current_call
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column, Output
from secconsole.config import locations
from secconsole.delivery.text_files import FORMS, built_in, problems, text
from secconsole.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text in the list. `places` are its placeholders, `problem` is why a custom file is not used."""

    name: str
    own: bool
    places: tuple[str, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Shown:
    name: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is not used, with the reason."""

    file: str
    problem: str


CHECKED: list[Column[Checked]] = [
    Column("file", lambda c: c.file),
    Column("problem", lambda c: c.problem),
]
COLUMNS: list[Column[TextRow]] = [
    Column("name", lambda t: t.name),
    Column("own", lambda t: t.own, "Your own"),
    Column("places", lambda t: " ".join(f"{{{place}}}" for place in t.places), "May have"),
    Column("problem", lambda t: t.problem),
]
SHOWN: list[Column[Shown]] = [
    Column("name", lambda t: t.name),
    Column("subject", lambda t: t.subject),
    Column("body", lambda t: t.body),
]


@click.group("text", cls=Group)
def texts() -> None:
    """List, show and check the texts of messages with codes, keys and notices.

    A file NAME.txt (mode 0600) in the folder texts beside the settings replaces the built-in text NAME. Its first line
    is the subject, except in SMS and contact. Placeholders in braces are filled in.
    """


@texts.command("list", cls=LocalCommand)
def list_texts() -> None:
    """List the texts, their placeholders, and problems with your own."""
    wrong = {problem.path.stem: problem.why for problem in problems()}
    out = Output(current_call().format)
    rows = [
        TextRow(name, text(name) is not built_in(name), tuple(sorted(form.places)), wrong.get(name, ""))
        for name, form in FORMS.items()
    ]
    out.listing(COLUMNS, rows)
    out.flush()


@texts.command("show", cls=LocalCommand)
@click.argument("name")
def show_text(name: str) -> None:
    """Print a text as it is used now, as a start for your own.

    \b
    secconsole text show contact
    """
    if name not in FORMS:
        raise NotFound(
            f"There is no text of that name. See: secconsole text list. Your own belong in {locations.texts_dir()}"
        )
    found = text(name)
    for problem in problems():
        if problem.path.stem == name:
            say(f"Your own text is not used: {problem.path}: {problem.why}")
    out = Output(current_call().format)
    if out.is_table:
        for line in (*([found.subject, ""] if FORMS[name].subject else []), *found.body.split("\n")):
            out.line(line)
    else:
        out.record(SHOWN, Shown(name, found.subject, found.body))
    out.flush()


@texts.command("check", cls=LocalCommand)
def check_texts() -> int:
    """Check your own texts: exit 0 if all are used, 1 with the reasons if not.

    The text of an SMS must fit one message. Long names in it are cut.
    """
    found = [Checked(str(problem.path), problem.why) for problem in problems()]
    out = Output(current_call().format)
    if found or not out.is_table:
        out.listing(CHECKED, found)
        out.flush()
    return ExitCode.NO if found else ExitCode.DONE
