"""config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.config.settings import ConsoleSettings, NamedContext, load_settings
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.domain.networks.reach import Reach, parse_networks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "config.toml"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_a_missing_file_means_default_settings(path: Path) -> None:
    assert load_settings(path) == ConsoleSettings()


def test_all_settings_are_read(path: Path) -> None:
    answer = 'tenant = "acme"\ntheme = "fjord"\nmouse = false\nlock_after_minutes = 5\n'
    write(path, answer + '[contexts.lab]\nbackend = "unix:/run/x"\n')
    settings = load_settings(path)
    assert settings == ConsoleSettings("acme", "fjord", False, 5, {"lab": NamedContext("lab", "unix:/run/x")})
    assert settings.context("") == NamedContext(tenant="acme")
    assert settings.context("lab") == NamedContext("lab", "unix:/run/x")


def test_b10_the_owner_lists_allowed_delivery_networks(path: Path) -> None:
    write(path, 'delivery_networks = ["10.0.0.0/8", "fd00::/8"]\ndelivery_ports = [25, 1025]\n')
    assert load_settings(path).reach == Reach(networks=parse_networks(["10.0.0.0/8", "fd00::/8"]), ports=(25, 1025))
    for wrong in (
        'delivery_networks = ["10.0.0.1/8"]',
        "delivery_networks = [7]",
        'delivery_networks = "10.0.0.0/8"',
        "delivery_ports = [0]",
        "delivery_ports = [true]",
        'delivery_ports = ["25"]',
        "delivery_ports = 25",
    ):
        write(path, f"{wrong}\n")
        with pytest.raises(Invalid, match=wrong.split(" ")[0]):
            load_settings(path)


def test_an_unknown_context_lists_the_existing_ones(path: Path) -> None:
    write(path, "[contexts.lab]\n[contexts.live]\n")
    with pytest.raises(Invalid, match=r"context prod does not exist\. There are: lab, live"):
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
        ("tenent = 'acme'", "tenent is not a known setting"),
        ("tenant = ", "is not TOML"),
        ("contexts = 1", "contexts must be a table"),
        ("[contexts]\nlab = 1", r"contexts\.lab takes"),
        ("[contexts.lab]\ntoken = 'x'", r"contexts\.lab takes"),
    ],
)
def test_invalid_settings_are_reported(path: Path, text: str, reason: str) -> None:
    write(path, text)
    with pytest.raises(Invalid, match=reason):
        load_settings(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a37_a_file_that_others_may_read_or_write_is_refused(path: Path, mode: int) -> None:
    write(path, "tenant = 'acme'", mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        load_settings(path)
