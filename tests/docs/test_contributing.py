"""The guide for contributors shows an operation as it is in the code today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"`((?:secconsole|tests)/[\w/]+\.py)`[^\n]*:\n\n```diff\n(.*?)```", GUIDE, re.DOTALL)


def test_the_guide_shows_all_five_files() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.parametrize(("path", "diff"), BLOCKS, ids=[path for path, _ in BLOCKS])
def test_the_shown_code_matches_the_source(path: str, diff: str) -> None:
    code = (ROOT / path).read_text(encoding="utf-8")
    for part in re.split(r"^ …$", diff, flags=re.MULTILINE):
        shown = "\n".join(line.removeprefix("+") for line in part.strip("\n").split("\n"))
        assert shown in code, f"bring CONTRIBUTING.md up to date with {path}"
