"""Generated pages are current, and links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import draw_architecture, sign_in_table

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
HEADING_LINK = re.compile(r"\]\(([^):#]*)#([^)]+)\)")
MODULE = re.compile(r"`((?:tui|cli|server|backends|service|store|operations|domain|config)/[\w/]+(?:\.py|/))`")


def test_the_drawing_of_the_architecture_is_current() -> None:
    page = draw_architecture.PAGE.read_text()
    assert draw_architecture.with_drawing(page) == page, "Run: make docs"


def test_the_sign_in_table_is_current() -> None:
    assert sign_in_table.PAGE.read_text() == sign_in_table.table(), "Run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings(page: Path) -> None:
    missing = [
        f"{link}#{heading}"
        for link, heading in HEADING_LINK.findall(page.read_text())
        if heading not in _headings(page.parent / link if link else page)
    ]
    assert missing == []


def _headings(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked to."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_modules_that_the_architecture_names_exist() -> None:
    named = set(MODULE.findall(draw_architecture.PAGE.read_text()))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / "secconsole" / name).exists()] == []
