"""Assertions rewritten ahead of the workers are those that pytest would write itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.assertion import rewrite

from tests.rewritten import is_current, rewrite_file, rewritten_form


def test_pytest_uses_the_rewritten_form_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "test_sample.py"
    path.write_text("def check(found):\n    assert found == 2\n")
    assert not is_current(path)
    rewrite_file(path)
    assert is_current(path)
    code = rewrite._read_pyc(path, rewritten_form(path))
    assert code is not None
    names: dict[str, object] = {}
    exec(code, names)
    with pytest.raises(AssertionError, match="assert 1 == 2"):
        names["check"](1)  # type: ignore[operator]
    path.write_text("def check(found):\n    assert found == 3\n")
    assert not is_current(path)
