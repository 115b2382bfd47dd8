"""Messages for errors of the system, such as a full disk, an unwritable folder or a missing directory."""

from __future__ import annotations

import errno
import os

_HOME = "Choose another folder with SECCONSOLE_HOME."
_ADVICE = {
    errno.ENOSPC: "Free some space there and try again.",
    errno.EDQUOT: "Free some space there and try again.",
    errno.EROFS: _HOME,
    errno.EACCES: f"Give this user access to it. {_HOME}",
    errno.EPERM: f"Give this user access to it. {_HOME}",
    errno.ENOENT: "Check the path.",
    errno.EEXIST: "Something else has that name. Check the path.",
    errno.ENOTDIR: "Check the path.",
    errno.EISDIR: "Check the path.",
    errno.ELOOP: "Check the path.",
    errno.ENAMETOOLONG: "Check the path.",
    errno.EIO: "Check the disk and the system log.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n) and try again.",
    errno.ENFILE: "Close other programs and try again.",
    errno.ENOMEM: "Close other programs and try again.",
    errno.ENOLCK: "Choose a disk that supports file locks.",
}
GONE = "The working directory no longer exists. Change to another one (cd) and try again."


def system_trouble(error: BaseException) -> str:
    """Return one line about what the system refused and what to do, empty for other errors."""
    if not isinstance(error, OSError) or error.errno not in _ADVICE:
        return ""
    if error.errno == errno.ENOENT and not error.filename and _is_nowhere():
        return GONE
    path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    about = f"{path}: " if path else ""
    return f"{about}{error.strerror or os.strerror(error.errno)}. {_ADVICE[error.errno]}"


def _is_nowhere() -> bool:
    """Return True if the working directory was removed."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False
