"""Locations on disk: one private folder, or the two that XDG defines."""

from __future__ import annotations

import os
from pathlib import Path

from secconsole.domain.errors import Unavailable

HOME_VARIABLE = "SECCONSOLE_HOME"
_FOLDER = "secconsole"
_PACKAGE = Path(__file__).parents[1]


def config_home() -> Path:
    """Return the folder of settings and themes: `$SECCONSOLE_HOME`, or secconsole in the XDG config folder."""
    return _own_home() or _xdg("XDG_CONFIG_HOME", ".config")


def data_home() -> Path:
    """Return the folder of the store, its key and the logs.

    It is `$SECCONSOLE_HOME`, or secconsole in the XDG data folder.
    """
    return _own_home() or _xdg("XDG_DATA_HOME", ".local/share")


def config_path() -> Path:
    return config_home() / "config.toml"


def contexts_path() -> Path:
    return config_home() / "contexts.toml"


def views_path() -> Path:
    return config_home() / "views.json"


def themes_dir() -> Path:
    return config_home() / "themes"


def built_in_themes_dir() -> Path:
    """Return the folder of the themes that come with the program.

    A wheel holds them inside the package. A clone, and an editable install of it, keep them beside the package.
    """
    inside = _PACKAGE / "themes"
    return inside if inside.is_dir() else _PACKAGE.parent / "themes"


def texts_dir() -> Path:
    """Return the folder of the organisation's own message texts."""
    return config_home() / "texts"


def database_path() -> Path:
    return data_home() / "console.db"


def key_path() -> Path:
    return data_home() / "master.key"


def log_dir() -> Path:
    return data_home() / "log"


def ensure_private_dir(path: Path) -> Path:
    """Create the folder and its missing parents, readable by the owner alone whatever the umask.

    An existing folder of this user is tightened to 0700. Raises OSError.
    """
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_mode & 0o777 != 0o700:
        path.chmod(0o700)
    return path


def _own_home() -> Path | None:
    named = os.environ.get(HOME_VARIABLE)
    if not named:
        return None
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError:
        raise Unavailable(f"{HOME_VARIABLE} names the home of an unknown user. Set it to a path.") from None


def _xdg(variable: str, default: str) -> Path:
    """Return the folder that an XDG variable names, ignoring relative paths as its specification requires."""
    named = Path(os.environ.get(variable, ""))
    return (named if named.is_absolute() else _home() / default) / _FOLDER


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise Unavailable(
            f"This user has no home folder. Set a folder to work in: {HOME_VARIABLE}=/path/to/folder"
        ) from None
