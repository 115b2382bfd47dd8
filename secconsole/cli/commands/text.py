"""`secconsole text`: the words of messages, which a company can change."""

from __future__ import annotations

from dataclasses import dataclass

import click

from secconsole.cli.command import Here, Noun, current_call
from secconsole.cli.output import Column, Output
from secconsole.config import locations
from secconsole.delivery.text_files import FORMS, built_in, problems, text
from secconsole.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Listed:
    """A text as it is listed. `places`: what is filled in; `problem`: why a file of one's own is not used."""

    name: str
    own: bool
    places: tuple[str, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Shown:
    name: str
    subject: str
    body: str


COLUMNS: list[Column[Listed]] = [
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


@click.group("text", cls=Noun)
def texts() -> None:
    """The words of messages with codes, keys and notices.

    Those that come with the program are replaced by files of the same name with .txt behind it, which lie in texts
    beside the settings, 0600. The first line is the subject, but in SMS and contact; what is in braces is filled in.
    """


@texts.command("list", cls=Here)
def list_texts() -> None:
    """List the texts, what is filled in in each, and what is wrong with your own."""
    wrong = {problem.path.stem: problem.why for problem in problems()}
    out = Output(current_call().format)
    rows = [
        Listed(name, text(name) is not built_in(name), tuple(sorted(form.places)), wrong.get(name, ""))
        for name, form in FORMS.items()
    ]
    out.listing(COLUMNS, rows)
    out.flush()


@texts.command("show", cls=Here)
@click.argument("name")
def show_text(name: str) -> None:
    """Print a text as it is used now, to begin your own with.

    \b
    secconsole text show contact
    """
    if name not in FORMS:
        raise NotFound(
            f"There is no text by that name. See: secconsole text list. Your own lie in {locations.texts_dir()}"
        )
    found = text(name)
    out = Output(current_call().format)
    if out.is_table:
        for line in (*([found.subject, ""] if FORMS[name].subject else []), *found.body.split("\n")):
            out.line(line)
    else:
        out.record(SHOWN, Shown(name, found.subject, found.body))
    out.flush()
