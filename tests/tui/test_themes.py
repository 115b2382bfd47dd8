"""Every theme that passes the checker can be activated, and a broken one is reported, ignored and never fatal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.app import ComposeResult
from textual.color import Color
from textual.widgets import Input, OptionList, Static

from secconsole.config import colours, theme_file
from secconsole.tui.runtime import themes
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from tests.extent import examples

GOOD = """name = "mine"
[colors]
primary = "#7aa2f7"
background = "#101010"
foreground = "white"
"""


class Themed(ConsoleApp):
    CSS = "Static { color: $status-bound; background: $cursor-row; text-style: $cursor-row-style; }"

    def compose(self) -> ComposeResult:
        yield Static("words")
        yield Form([TextField(name="a", label="A")], [cancel(), Button("b", "B", danger=True)])
        yield Input()
        yield OptionList("one")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path))
    (tmp_path / "themes").mkdir()
    return tmp_path


BUILT_IN = sorted(path.stem for path in themes.BUILT_IN.glob("*.toml"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_theme_has_no_fault(name: str, tmp_path: Path) -> None:
    copy = tmp_path / f"{name}.toml"  # a clone may be shared with a group
    copy.write_bytes((themes.BUILT_IN / f"{name}.toml").read_bytes())
    checked = theme_file.read(copy)
    assert (checked.problems, checked.warnings) == ((), ())
    assert name in themes.load().themes


@pytest.mark.parametrize("depth", ["truecolor", "none"])
async def test_every_built_in_theme_activates(depth: str) -> None:
    app = Themed(Terminal(depth=depth))  # type: ignore[arg-type]
    async with app.run_test(size=(80, 24)) as pilot:
        assert len(app.available_themes) == len(BUILT_IN)
        for name in BUILT_IN:
            app.theme = name
            await pilot.pause()
            assert app.current_theme.name == name


def test_high_contrast_has_high_contrast() -> None:
    file = themes.load().themes["high-contrast"]
    seen = file.palette() | file.resolved()
    for text, ground in theme_file.READ_TOGETHER:
        one, other = colours.parse(seen[text]), colours.parse(seen[ground])
        assert one is not None
        assert other is not None
        assert colours.contrast(one, other) >= 7, (text, ground)


def test_colours_have_their_meaning_in_textual() -> None:
    for name, value in colours.NAMES.items():
        assert Color.parse(name).hex.lower() == value, name
    for name in colours.ANSI_NAMES:
        assert Color.parse(name).ansi is not None
    for text in ("#abc", "#abcdef", "#abcdef80"):
        ours, theirs = colours.parse(text), Color.parse(text)
        assert ours is not None
        assert (ours.red, ours.green, ours.blue) == (theirs.r, theirs.g, theirs.b)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('primary = "#7aa2f7"', ""), "colors.primary is required"),
        (("#7aa2f7", "#7aa2f"), "is not a colour"),
        (("white", "whit"), "did you mean white"),
        (("#7aa2f7", "#7aa2f780"), "partly transparent"),
        (("#7aa2f7", "ansi_red"), "ansi = true"),
        (('"#7aa2f7"', "7"), "in quotes"),
        (('"mine"', '"Mine!"'), "lower-case letters"),
        (("[colors]", "[colours]"), "did you mean colors"),
        (("primary", "pirmary"), "did you mean primary"),
        (('name = "mine"', 'name = "mine"\ndark = "yes"'), "true or false"),
        (('name = "mine"', 'name = "mine"\nvariables = 3'), "must be a table"),
        (('name = "mine"', 'name = "mine'), "not TOML"),
        (('name = "mine"', 'name = "mine"\nansi = true'), "terminal's own colours"),
    ],
)
def test_a_problem_is_named_with_advice(change: tuple[str, str], says: str, home: Path) -> None:
    path = home / "themes" / "mine.toml"
    path.write_text(GOOD.replace(*change))
    problems = theme_file.read(path).problems
    assert any(says in problem for problem in problems), problems
    loaded = themes.load()
    assert "mine" not in loaded.themes
    assert len(loaded.problems) == 1
    assert "mine.toml is left out" in loaded.problems[0]


def test_a_hostile_file_is_escaped(home: Path) -> None:
    path = home / "themes" / "x.toml"
    path.write_bytes(b'name = "x"\n"\\u001b]0;pwn\\u0007" = 1\n[colors]\nprimary = "\\u001b[31m"\n')
    assert all(problem.isprintable() for problem in theme_file.read(path).problems)
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in theme_file.read(path).problems[0]
    path.write_bytes(b"#" * 100_000)
    assert "larger" in theme_file.read(path).problems[0]
    assert theme_file.read(home).problems
    assert theme_file.read(home / "none.toml").problems


def test_a_theme_with_weak_contrast_is_loaded_with_a_warning(home: Path) -> None:
    path = home / "themes" / "mine.toml"
    path.write_text(GOOD + '[variables]\nmuted = "#202020"\n')
    path.chmod(0o666)
    checked = theme_file.read(path)
    answer = checked.warnings
    assert any("muted (#202020) is hard to read on background (#101010)" in text for text in answer)
    assert any("chmod go-w" in text for text in answer)
    assert checked.problems == ()
    assert themes.load().files["mine"] == path


def test_a_built_in_name_cannot_be_overridden(home: Path) -> None:
    (home / "themes" / "x.toml").write_text(GOOD.replace("mine", "secconsole-dark"))
    loaded = themes.load()
    assert "already" in loaded.problems[0]
    assert loaded.themes["secconsole-dark"].colors["background"] != "#101010"


COLOUR = st.sampled_from(["#123456", "#fff", "red", "ansi_red", "ansi_default", "#12", "", "nope", 3, "#1234567f"])
DOCUMENT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["t", "a-b", "", "A", "x" * 50]),
        "colors": st.dictionaries(st.sampled_from([*theme_file.COLOURS, "boost"]), COLOUR, max_size=6).map(
            lambda more: {"primary": "#7aa2f7", "background": "#101010", "foreground": "#eeeeee"} | more
        ),
    },
    optional={
        "dark": st.booleans(),
        "ansi": st.booleans(),
        "variables": st.dictionaries(st.sampled_from([*theme_file.COLOUR_VARIABLES, "no"]), COLOUR, max_size=4)
        | st.dictionaries(st.just("focus-style"), st.sampled_from(["bold", "bold reverse", "none", "none bold", "x"])),
    },
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENT)
def test_every_file_that_passes_the_check_loads(document: dict[str, object]) -> None:
    checked = theme_file.check(tomli_w.dumps(document).encode())
    assert (checked.theme is None) == bool(checked.problems)
    if checked.theme is not None:
        theme = themes.to_textual(checked.theme)
        for name, value in (theme.to_color_system().generate() | theme.variables).items():
            if name in theme_file.COLOUR_VARIABLES:
                Color.parse(value)


async def test_an_edited_theme_shows_at_once_and_a_broken_edit_is_reported(home: Path) -> None:
    path = home / "themes" / "mine.toml"
    path.write_text(GOOD)
    app = Themed(Terminal(), "mine")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        assert app.theme == "mine"
        path.write_text(GOOD.replace("#101010", "#202020"))
        os.utime(path, ns=(1, 1))
        app._theme_watch.poll()
        await pilot.pause()
        assert app.theme_variables["background"] == "#202020"
        path.write_text(GOOD.replace("#101010", "#20202"))
        os.utime(path, ns=(2, 2))
        app._theme_watch.poll()
        await pilot.pause()
        assert app.theme_variables["background"] == "#202020"
        assert any("is not a colour" in toast.message for toast in app._notifications)


@pytest.mark.parametrize(
    ("terminal", "wanted", "name"),
    [
        (Terminal(), None, "secconsole-dark"),
        (Terminal(light=True), None, "secconsole-light"),
        (Terminal(depth="16"), None, "ansi-dark"),
        (Terminal(depth="none"), "fjord", "ansi-dark"),
        (Terminal(depth="none"), "ansi-light", "ansi-light"),
        (Terminal(), "fjord", "fjord"),
        (Terminal(), "no such", "secconsole-dark"),
    ],
)
def test_theme_fits_the_terminal(terminal: Terminal, wanted: str | None, name: str) -> None:
    chosen, problems = themes.choose(wanted, terminal, themes.load())
    assert chosen == name
    assert bool(problems) == (wanted == "no such")


def test_the_checker_does_not_need_textual() -> None:
    code = "import sys, secconsole.config.theme_file as t; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
