"""config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.config.settings import Context, Settings, load_settings
from secconsole.domain.errors import Invalid, Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "config.toml"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_no_file_is_no_settings(path: Path) -> None:
    assert load_settings(path) == Settings()


def test_everything_that_can_be_said(path: Path) -> None:
    said = 'tenant = "acme"\ntheme = "fjord"\nmouse = false\nlock_after_minutes = 5\n'
    write(path, said + '[contexts.lab]\nbackend = "unix:/run/x"\n')
    settings = load_settings(path)
    assert settings == Settings("acme", "fjord", False, 5, {"lab": Context("lab", "unix:/run/x")})
    assert settings.context("") == Context(tenant="acme")
    assert settings.context("lab") == Context("lab", "unix:/run/x")


def test_an_unknown_context_names_those_there_are(path: Path) -> None:
    write(path, "[contexts.lab]\n[contexts.live]\n")
    with pytest.raises(Invalid, match=r"no context prod\. There are: lab, live"):
        load_settings(path).context("prod")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tenant = 7", "tenant must be text"),
        ("mouse = 'yes'", "mouse must be true or false"),
        ("lock_after_minutes = 'never'", "lock_after_minutes must be a whole number"),
        ("lock_after_minutes = true", "lock_after_minutes must be a whole number"),
        ("lock_after_minutes = 0", "lock_after_minutes must be between 1 and 60"),
        ("lock_after_minutes = 61", "lock_after_minutes must be between 1 and 60"),
        ("tenent = 'acme'", "tenent is no setting"),
        ("tenant = ", "is not TOML"),
        ("contexts = 1", "contexts must be a table"),
        ("[contexts]\nlab = 1", r"contexts\.lab takes"),
        ("[contexts.lab]\ntoken = 'x'", r"contexts\.lab takes"),
    ],
)
def test_what_is_wrong_is_told(path: Path, text: str, reason: str) -> None:
    write(path, text)
    with pytest.raises(Invalid, match=reason):
        load_settings(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a37_a_file_that_others_may_read_or_write_is_refused(path: Path, mode: int) -> None:
    write(path, "tenant = 'acme'", mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        load_settings(path)
