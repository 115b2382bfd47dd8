"""`secconsole theme`: themes of the console."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from secconsole.cli.command import Group, current_call
from secconsole.cli.diagnostics import ExitCode
from secconsole.cli.output import Column, Output
from secconsole.config import locations, theme_file

BUILT_IN = locations.built_in_themes_dir()


@dataclass(frozen=True, slots=True)
class ThemeRow:
    """A theme file in the list. `problem` is why the console does not offer it, or empty."""

    name: str
    kind: str
    dark: bool
    own: bool
    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    file: str
    usable: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


COLUMNS: list[Column[ThemeRow]] = [
    Column("name", lambda t: t.name),
    Column("kind", lambda t: t.kind),
    Column("dark", lambda t: t.dark),
    Column("own", lambda t: t.own, "Your own"),
    Column("file", lambda t: t.file),
    Column("problem", lambda t: t.problem),
]
CHECK: list[Column[CheckResult]] = [
    Column("file", lambda c: c.file),
    Column("usable", lambda c: c.usable),
    Column("problems", lambda c: c.problems),
    Column("warnings", lambda c: c.warnings),
]


@click.group(cls=Group)
def theme() -> None:
    """List and check the console's themes.

    Built-in and own themes are TOML files of the same form.
    """


@theme.command("list")
def list_themes() -> None:
    """List the themes, and files that cannot be used."""
    out = Output(current_call().format)
    out.listing([c for c in COLUMNS if c.key != "file" or not out.is_table], _themes())
    out.flush()


@theme.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> int:
    """Report every problem of a theme file: exit 0 if it can be used, 1 if not."""
    out = Output(current_call().format)
    checked = theme_file.read(file)
    result = CheckResult(str(file), checked.theme is not None, checked.problems, checked.warnings)
    if out.is_table:
        for problem in checked.problems:
            out.line(f"{file}: {problem}")
        for warning in checked.warnings:
            out.line(f"{file}: warning: {warning}")
        if checked.theme:
            out.line(f"{file}: theme {checked.theme.name} can be used.")
    else:
        out.record(CHECK, result)
    out.flush()
    return ExitCode.DONE if result.usable else ExitCode.NO


def _themes() -> list[ThemeRow]:
    found: list[ThemeRow] = []
    for folder, own in ((BUILT_IN, False), (locations.themes_dir(), True)):
        for path in sorted(folder.glob("*.toml")):
            checked = theme_file.read(path)
            if checked.theme is None:
                found.append(ThemeRow(path.stem, "-", False, own, str(path), checked.problems[0]))
                continue
            taken = any(t.name == checked.theme.name and not t.problem for t in found)
            problem = "an earlier theme has the same name" if taken else ""
            kind = "16 colours" if checked.theme.ansi else "any"
            found.append(ThemeRow(checked.theme.name, kind, checked.theme.dark, own, str(path), problem))
    return found
