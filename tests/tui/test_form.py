"""The form: one queue for all keys, hidden passwords, and no dangerous button pressed by mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._cells import cell_len
from textual.app import ComposeResult

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import (
    Button,
    CheckField,
    ChoiceField,
    CodeField,
    NumberField,
    PasswordField,
    PhoneField,
    ReadOnly,
    TextField,
    cancel,
)
from secconsole.tui.widgets.line_edit import LineEdit


class Sheet(ConsoleApp):
    def __init__(self, form: Form, terminal: Terminal | None = None, theme: str | None = None) -> None:
        super().__init__(terminal, theme)
        self.form = form
        self.posted: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.form

    def on_form_submitted(self, event: Form.Submitted) -> None:
        self.posted.append((event.button, dict(event.values)))

    def on_form_cancelled(self, event: Form.Cancelled) -> None:
        self.posted.append("cancelled")

    def lines(self) -> list[str]:
        return [self.form.render_line(y).text.rstrip() for y in range(self.form.size.height)]


def sign_in() -> Form:
    fields = [TextField(name="login", label="Login", needed=True), PasswordField(name="password", label="Password")]
    return Form(fields, [Button("go", "Sign in")])


def unbind() -> Form:
    return Form(
        [
            ReadOnly(name="who", label="Who", value="ana\x1b[31m"),
            TextField(name="reason", label="Reason", needed=True, help="Kept in the audit"),
            ChoiceField(name="tell", label="Tell", options=[("mail", "by mail"), ("no", "nobody")]),
            CheckField(name="end", label="Sessions", text="end now"),
            NumberField(name="code", label="Code", digits=6),
        ],
        [cancel(), Button("unbind", "Unbind", danger=True)],
    )


async def test_fields_are_filled_and_submitted_by_enter() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"ana", "enter", *"pa ss", "enter")
        await pilot.pause()
        assert app.posted == [("go", {"login": "ana", "password": Secret("pa ss")})]
        assert "•••••" in app.lines()[1]
        assert "pa ss" not in "\n".join(app.lines())
        assert "pa ss" not in repr(app.form.values)


@pytest.mark.parametrize(
    ("terminal", "theme"),
    [(Terminal(depth="none"), None), (Terminal(depth="16"), "ansi-light"), (Terminal(), "high-contrast")],
)
async def test_a_field_is_visible_without_its_background(terminal: Terminal, theme: str | None) -> None:
    app = Sheet(sign_in(), terminal, theme)
    async with app.run_test() as pilot:
        await pilot.pause()
        for y in (0, 1):  # the focused one, and another
            blank = [
                style for text, style, _ in app.form.render_line(y) if text.endswith("     ") and style is not None
            ]
            assert any(style.underline for style in blank)


async def test_an_empty_required_field_is_refused() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter", *"x", "enter")
        await pilot.pause()
        assert app.posted == []
        assert app.form.focused_name == "login"
        assert app.lines()[1].strip() == "! Login is needed"
        await pilot.press("a")
        await pilot.pause()
        assert "needed" not in "\n".join(app.lines())


async def test_error_empties_and_focuses_the_field() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"ana", "tab", *"wrong", "enter")
        await pilot.pause()
        app.form.set_error("password", "That is not right\x07", clear=True)
        await pilot.pause()
        assert app.form.values["password"] == Secret("")
        assert app.form.focused_name == "password"
        assert app.lines()[2].strip() == "! That is not right\\x07"


async def test_a_dangerous_form_focuses_cancel_and_enter_in_a_field_does_not_submit() -> None:
    app = Sheet(unbind())
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.form.focused_name == "cancel"
        assert "[ Cancel ]" in app.lines()[-1]
        assert app.lines()[0].strip().endswith("ana\\x1b[31m")
        app.form.focus_field("code")
        await pilot.press("enter")
        await pilot.pause()
        assert app.posted == []
        assert app.form.focused_name == "unbind", "the button that does it, which takes a key of its own"
        app.form.focus_field("cancel")
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert app.posted == ["cancelled", "cancelled"]


@pytest.mark.parametrize("main", [None, "look", "save"])
async def test_enter_in_the_last_field_goes_to_the_main_button_and_several_must_name_one(main: str | None) -> None:
    field = TextField(name="name", label="Name")
    buttons = [cancel(), *(Button(name, name, main=name == main) for name in ("look", "save"))]
    if main is None:  # raised by every dialog that leaves it open, in any test that shows it
        with pytest.raises(ValueError, match="look, save"):
            Form([field], buttons)
        return
    app = Sheet(Form([field], [*buttons, Button("more", "More", free=True)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", "enter")
        await pilot.pause()
        assert app.posted == [(main, {"name": "a"})]


async def test_f3_in_a_number_asks_for_its_country() -> None:
    class Numbers(Sheet):
        def on_form_country_wanted(self, event: Form.CountryWanted) -> None:
            self.posted.append(event.name)

    app = Numbers(Form([TextField(name="name", label="Name"), PhoneField(name="phone", label="Phone")], [cancel()]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3", "tab", "f3")
        await pilot.pause()
        assert app.posted == ["phone"]
        app.form.fill_in("phone", "+420 ")
        assert app.form.is_filled


async def test_a_number_is_selected_when_it_gets_the_focus() -> None:
    app = Sheet(
        Form([TextField(name="name", label="Name"), NumberField(name="days", label="Days", digits=3)], [cancel()])
    )
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.set_value("days", "14")
        await pilot.press("tab", *"305")
        assert app.form.values["days"] == "305"
        await pilot.press("up", "down", "end", "backspace")
        assert app.form.values["days"] == "30"
        await pilot.press("up", "down", "backspace")
        assert app.form.values["days"] == ""


async def test_escape_on_a_filled_form_asks_once() -> None:
    app = Sheet(unbind())
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_field("reason")
        await pilot.press(*"lost", "escape")
        await pilot.pause()
        assert app.posted == []
        assert "Escape again drops what you typed." in "\n".join(app.lines())
        await pilot.press("y")
        await pilot.pause()
        assert "Escape again" not in "\n".join(app.lines())
        assert app.form.values["reason"] == "losty"
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert app.posted == ["cancelled"]


async def test_the_question_of_escape_covers_no_error_for_good() -> None:
    fields = [TextField(name=name, label=name, value=name) for name in ("ana", "ben")]
    app = Sheet(Form(fields, [cancel()], errors={"ana": "No such user", "ben": "Too long"}))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("x", "escape")
        await pilot.pause()
        assert "Too long" in "\n".join(app.lines())
        await pilot.press("down", "escape", "escape")
        await pilot.pause()
        assert app.posted == ["cancelled", "cancelled"]


async def test_escape_does_not_ask_for_what_was_filled_in_by_the_program_or_is_a_secret() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.set_value("login", "ana")
        await pilot.press("tab", *"secret", "escape")
        await pilot.pause()
        assert app.posted == ["cancelled"]


async def test_choice_check_and_code() -> None:
    app = Sheet(unbind())
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_field("reason")
        await pilot.press(*"lost", "down", "right", "down", "space", "down", *"12ab34567", "tab", "right", "space")
        await pilot.pause()
        assert app.posted == [("unbind", {"reason": "lost", "tell": "no", "end": True, "code": "123456"})]


async def test_paste_presses_nothing() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste("an\r\n \x1b[31ma\tb \u2003 c\r\n"))
        await pilot.pause()
        assert app.form.values["login"] == "an [31ma b c"
        await pilot.press("tab")
        app.post_message(events.Paste("two  blanks\n"))
        await pilot.pause()
        assert app.form.values["password"] == Secret("two  blanks")
        assert app.posted == []


async def test_keys_wait_while_it_is_busy() -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.busy = True
        await pilot.press(*"ana", "tab", "x")
        await pilot.pause()
        assert app.form.values["login"] == ""
        app.form.busy = False
        await pilot.pause()
        await pilot.pause()
        assert app.form.values == {"login": "ana", "password": Secret("x")}


@pytest.mark.parametrize("theme", ["secconsole-dark", "secconsole-light", "ansi-dark", "high-contrast"])
async def test_the_focus_shows_without_colour(theme: str) -> None:
    app = Sheet(sign_in())
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = theme
        await pilot.pause()
        assert app.lines()[0].startswith("▌ Login")
        assert not app.lines()[1].startswith("▌")
        await pilot.press("up", "tab", "tab")
        await pilot.pause()
        assert "[ Sign in ]" in app.lines()[-1]


async def test_mouse_reaches_fields_and_buttons() -> None:
    app = Sheet(unbind())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(Form, offset=(16, 1))
        assert app.form.focused_name == "reason"
        await pilot.click(Form, offset=(16, 3))
        assert app.form.values["end"] is True
        await pilot.click(Form, offset=(app.lines()[-1].index("Cancel"), app.form.size.height - 1))
        await pilot.pause()
        assert app.posted == ["cancelled"]


KEYS = st.sampled_from(["insert", "backspace", "delete", "delete_word", "clear", "left", "right", "home", "end"])
TEXT = st.text(st.sampled_from(list("ab é李\u0301\u202e\x1b🙂")), max_size=5)


@given(st.lists(st.tuples(KEYS, TEXT), max_size=30), st.integers(4, 20), st.booleans())
def test_a_text_field_always_fits_and_shows_its_cursor(steps: list[tuple[str, str]], width: int, hidden: bool) -> None:
    edit = LineEdit(40, hidden=hidden)
    for step, text in steps:
        if step == "insert":
            edit.insert(text)
        elif step in ("left", "right"):
            edit.move(edit.cursor + (1 if step == "right" else -1))
        elif step == "home":
            edit.move(0)
        elif step == "end":
            edit.move(len(edit.text))
        else:
            getattr(edit, step)()
        view = edit.view(width)
        shown = view.before + view.under + view.after
        assert len(edit.text) <= 40
        assert visible(shown) == shown
        assert view.caret < width
        if all(cell_len(visible(letter)) == 1 for letter in edit.text):
            assert cell_len(shown) <= width
        if hidden:
            assert set(shown) <= {"•", " "}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("123456", "123456"),
        ("123 456", "123456"),
        ("XYWD-581883", "XYWD-581883"),
        ("١٢٣٤٥٦", None),
        ("+123456", None),
        ("7kq2m-9xdh4-tpvw3-c8nra-5fj6b", "7kq2m-9xdh4-tpvw3-c8nra-5fj6b"),
        ("7KQ2M 9XDH4 TPVW3 C8NRA 5FJ6B", "7KQ2M 9XDH4 TPVW3 C8NRA 5FJ6B"),
        ("7kq2m-9xdh4-tpvw3-c8nra-5fj6", None),  # one sign short: not sent off to be counted as wrong
        ("7kq2m-123456", None),
        ("12345o", None),
        ("hello", None),  # it is not empty, so no message about a missing code
    ],
)
async def test_a_code_field_may_accept_a_recovery_code(typed: str, value: str | None) -> None:
    app = Sheet(Form([CodeField(name="code", label="Code", needed=True, recovery=True)], [Button("go", "Sign in")]))
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.post_message(events.Paste(typed))
        await pilot.pause()
        assert typed in app.lines()[0]
        await pilot.press("enter")
        await pilot.pause()
        assert app.posted == ([] if value is None else [("go", {"code": value})])
        assert ("25 characters" in "\n".join(app.lines())) == (value is None)
