"""QR codes as cells: they decode, have the right height, and are never cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyte
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from secconsole.domain.factors.otpauth import otpauth_uri
from secconsole.domain.factors.qr import (
    Cell,
    DoesNotFit,
    QrForm,
    QrPlan,
    ansi_qr,
    fit,
    qr_version,
)
from secconsole.domain.secret import Secret
from tests.extent import examples

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
URI = f"otpauth://totp/Example%20Corp:maria.ivanova@corp.example.com?secret={KEY}&issuer=Example%20Corp"
COUNT = re.compile(r"\x1b\[[0-9;]*m")


def decoded(modules: Sequence[Sequence[bool]], scale: int = 4) -> str | None:
    image = Image.new("L", (len(modules[0]), len(modules)))
    image.putdata([0 if dark else 255 for row in modules for dark in row])
    found = zxingcpp.read_barcodes(image.resize((image.width * scale, image.height * scale), 0), try_invert=False)
    return found[0].text if found else None


def modules_of(rows: Sequence[Sequence[Cell]]) -> list[list[bool]]:
    """Return a picture of cells where `▄` fills exactly the lower half."""
    out: list[list[bool]] = []
    for row in rows:
        out.append([cell.paper for cell in row])
        out.append([cell.ink if cell.character == "▄" else cell.paper for cell in row])
    return out


def plan_of(uri: str, quiet: int, form: QrForm = QrForm.HALF_BLOCKS) -> QrPlan:
    """The code where there is just room for such a quiet zone."""
    side = 17 + 4 * qr_version(uri) + 2 * quiet
    plan = fit(uri, side, 2 * side, form=form) if form is QrForm.BACKGROUND else fit(uri, (side + 1) // 2, side)
    assert isinstance(plan, QrPlan)
    assert plan.quiet == quiet
    return plan


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.binary(min_size=10, max_size=64), account=st.text(min_size=1, max_size=30), issuer=st.text(max_size=30))
def test_every_key_uri_decodes_from_its_cells(seed: bytes, account: str, issuer: str) -> None:
    uri = otpauth_uri(seed=Secret(seed), account=account + "x", issuer=issuer).reveal()
    for quiet in (4, 2, 1):
        assert decoded(modules_of(plan_of(uri, quiet).cells)) == uri
    assert decoded(modules_of(plan_of(uri, 4, QrForm.BACKGROUND).cells)) == uri


@pytest.mark.parametrize(
    ("uri", "plain", "mixed"),
    [
        (f"otpauth://totp/ana.novakova@example.com?secret={KEY}", 5, 4),
        (f"otpauth://totp/maria.ivanova@corp.example.com?secret={KEY}&issuer=Example%20Corp", 6, 5),
        (f"{URI}&algorithm=SHA1&digits=6&period=30", 8, 7),
        (URI, 6, 6),
        ("otpauth://totp/ana?secret=JBSWY3DP", 3, 3),
        ("no key in it", 1, 1),
    ],
)
def test_the_key_as_a_separate_segment_saves_a_version_or_costs_none(uri: str, plain: int, mixed: int) -> None:
    assert segno.make_qr(uri, error="L", boost_error=False).version == plain
    assert qr_version(uri) == mixed
    assert decoded(modules_of(plan_of(uri, 4).cells)) == uri


def test_only_lower_halves_are_drawn_and_only_where_the_halves_differ() -> None:
    cells = [cell for row in plan_of(URI, 2).cells for cell in row]
    assert {cell.character for cell in cells} == {" ", "▄"}
    assert all((cell.character == "▄") == (cell.ink != cell.paper) for cell in cells)


@pytest.mark.parametrize(
    ("rows", "columns", "quiet", "height"),
    [
        (60, 200, 4, 25),
        (25, 80, 4, 25),
        (24, 80, 2, 23),
        (23, 80, 2, 23),
        (22, 80, 1, 22),
        (60, 48, 2, 23),
        (60, 43, 1, 22),
    ],
)
def test_the_quiet_zone_fits_the_room(rows: int, columns: int, quiet: int, height: int) -> None:
    plan = fit(URI, rows, columns)
    assert isinstance(plan, QrPlan)
    assert (plan.quiet, plan.rows) == (quiet, height)
    assert (len(plan.cells), {len(row) for row in plan.cells}) == (plan.rows, {plan.columns})


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(1, 60), st.integers(1, 110), st.sampled_from(QrForm), st.booleans())
def test_a_code_is_complete_or_absent(rows: int, columns: int, form: QrForm, invert: bool) -> None:
    plan = fit(URI, rows, columns, form=form, invert=invert)
    if isinstance(plan, DoesNotFit):
        assert plan.needs_rows > rows or plan.needs_columns > columns
        assert isinstance(fit(URI, plan.needs_rows, plan.needs_columns, form=form), QrPlan)
        return
    assert plan.rows <= rows
    assert plan.columns <= columns
    pixels = modules_of(plan.cells)
    if form is QrForm.BACKGROUND and plan.columns == plan.rows:  # one column to a module: half as wide as it is high
        pixels = [[dark for dark in row for _ in range(2)] for row in pixels]
    assert decoded([[dark != invert for dark in row] for row in pixels]) == URI


def test_missing_room_is_named() -> None:
    assert (
        str(fit(URI, 21, 80))
        == "The QR code needs 22 rows, but this window has 21. Enlarge the window, or type the key."
    )
    assert (
        str(fit(URI, 30, 40))
        == "The QR code needs 43 columns, but this window has 40. Enlarge the window, or type the key."
    )
    assert isinstance(fit("x" * 5000, 60, 200), DoesNotFit)


def test_background_modules_are_two_columns_wide_if_they_fit() -> None:
    wide, narrow = (fit(URI, 60, columns, form=QrForm.BACKGROUND) for columns in (98, 97))
    assert isinstance(wide, QrPlan)
    assert isinstance(narrow, QrPlan)
    assert (wide.rows, wide.columns) == (49, 98)
    assert (narrow.rows, narrow.columns) == (49, 49)


def test_a_plan_does_not_show_its_cells() -> None:
    assert "Cell" not in repr(fit(URI, 24, 80))


@pytest.mark.parametrize("form", list(QrForm))
@pytest.mark.parametrize("invert", [False, True])
def test_the_command_line_prints_sixteen_colours_and_whole_lines(form: QrForm, invert: bool) -> None:
    printed = ansi_qr(URI, width=100, height=60, form=form, invert=invert)
    screen = pyte.Screen(100, 60)
    pyte.Stream(screen).feed(printed.replace("\n", "\r\n"))
    dark = {"black": True, "brightwhite": False, "bfightwhite": False, "white": False}
    lines = printed.split("\n")
    cells = [
        [
            Cell(at.data, dark[at.fg], dark[at.bg])
            for at in (screen.buffer[y][x] for x in range(len(COUNT.sub("", line))))
        ]
        for y, line in enumerate(lines)
    ]
    plan = fit(URI, 60, 100, form=form, invert=invert)
    assert isinstance(plan, QrPlan)
    assert cells == plan.cells
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_the_command_line_prints_a_sentence_when_it_does_not_fit() -> None:
    assert ansi_qr(URI, width=80, height=10) == str(fit(URI, 10, 80))
