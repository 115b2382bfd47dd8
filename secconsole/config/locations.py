"""Where things are kept on disk: one private folder, or the two that XDG names."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "SECCONSOLE_HOME"
_FOLDER = "secconsole"


def config_home() -> Path:
    """The folder of settings and themes: `$SECCONSOLE_HOME`, else secconsole in the XDG config folder."""
    return _own_home() or _xdg("XDG_CONFIG_HOME", ".config")


def data_home() -> Path:
    """The folder of the store, its key and the logs: `$SECCONSOLE_HOME`, else secconsole in the XDG data folder."""
    return _own_home() or _xdg("XDG_DATA_HOME", ".local/share")


def config_path() -> Path:
    return config_home() / "config.toml"


def contexts_path() -> Path:
    return config_home() / "contexts.toml"


def themes_dir() -> Path:
    return config_home() / "themes"


def texts_dir() -> Path:
    """The company's own texts of messages."""
    return config_home() / "texts"


def database_path() -> Path:
    return data_home() / "console.db"


def key_path() -> Path:
    return data_home() / "master.key"


def log_dir() -> Path:
    return data_home() / "log"


def ensure_private_dir(path: Path) -> Path:
    """Make the folder, and those above it that are missing, readable by its owner alone whatever the umask.

    A folder that is there already and is ours is tightened to 0700. Raises OSError.
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
    return Path(named).expanduser().absolute() if named else None


def _xdg(variable: str, default: str) -> Path:
    """A relative path in an XDG variable is ignored, as its specification asks."""
    named = Path(os.environ.get(variable, ""))
    return (named if named.is_absolute() else Path.home() / default) / _FOLDER
