"""Listening sockets: network addresses, private UNIX sockets, or sockets passed by systemd."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from secconsole.config import locations
from secconsole.config.address import is_on_this_machine
from secconsole.domain.errors import Invalid, Unavailable

SYSTEMD = "systemd"
BACKLOG = 1024
_FIRST_HANDED_OVER = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
_ELSEWHERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # one of a name's addresses may be unavailable here


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on: host and port, a UNIX socket, or if neither is set, the sockets of systemd."""

    host: str = ""
    port: int = 0
    socket: Path | None = None

    @property
    def is_handed_over(self) -> bool:
        return not self.host and self.socket is None

    @property
    def is_local(self) -> bool:
        """True if connections do not cross a network, as far as the address shows."""
        return self.is_handed_over or self.socket is not None or is_on_this_machine(self.host)

    def __str__(self) -> str:
        if self.is_handed_over:
            return SYSTEMD
        if self.socket is not None:
            return f"unix:{self.socket}"
        return _address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket.

    `path` is the file to remove with it, if we created one, and `inode` is its inode.
    """

    socket: socket.socket
    path: Path | None = None
    inode: int = 0

    @property
    def is_unix(self) -> bool:
        return self.socket.family == socket.AF_UNIX

    @property
    def is_local(self) -> bool:
        return self.is_unix or is_on_this_machine(self.socket.getsockname()[0])

    def __str__(self) -> str:
        name = self.socket.getsockname()
        return f"unix:{name}" if self.is_unix else _address(name[0], name[1])

    def close(self) -> None:
        self.socket.close()
        if self.path is not None:
            with contextlib.suppress(OSError):
                if os.lstat(self.path).st_ino == self.inode:  # otherwise another process has replaced it
                    self.path.unlink()


def parse_listen(text: str) -> Listen:
    """Parse `HOST:PORT`, `[IPv6]:PORT`, `unix:PATH` or `systemd`, or raise `Invalid`."""
    if text == SYSTEMD:
        return Listen()
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:").removeprefix("//"))
        if not path.name:
            raise Invalid("unix: needs the path of a socket, as in unix:/run/secconsole/api.sock.", "listen")
        return Listen(socket=path.absolute())
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise Invalid(f"{text} is not an address. Use HOST:PORT or unix:PATH.", "listen")
    return Listen(host, int(port))


def open_doors(places: tuple[Listen, ...], *, group: str = "") -> list[Door]:
    """Listen on every address, or raise `Unavailable` if one is not available.

    Connections wait until they are accepted. UNIX sockets are open only to their owner, and to the members of `group`.
    """
    doors: list[Door] = []
    try:
        for place in places:
            if place.is_handed_over:
                doors += _handed_over()
            elif place.socket is not None:
                doors.append(_unix(place.socket, group))
            else:
                doors += _network(place)
    except BaseException:
        close_doors(doors)
        raise
    return doors


def close_doors(doors: list[Door]) -> None:
    for door in doors:
        door.close()


def demand_encryption(places: tuple[Listen | Door, ...]) -> None:
    """Raise `Invalid` for an address to which passwords would cross a network unencrypted."""
    for place in places:
        if not place.is_local:
            raise Invalid(
                f"{place} is open to the network, where passwords would be sent unencrypted. "
                "Add --tls-cert and --tls-key, or listen on 127.0.0.1 or a UNIX socket behind a proxy that encrypts.",
                "listen",
            )


def is_handed_over() -> bool:
    """Return True if systemd opened sockets for this process."""
    return os.environ.get("LISTEN_PID") == str(os.getpid())


def _handed_over() -> list[Door]:
    count = os.environ.get("LISTEN_FDS", "")
    if not is_handed_over() or not (count.isascii() and count.isdigit()) or count == "0":
        raise Unavailable("systemd passed no socket. Start the server by its socket unit, or listen on an address.")
    doors = []
    for number in range(_FIRST_HANDED_OVER, _FIRST_HANDED_OVER + int(count)):
        try:
            opened = socket.socket(fileno=number)
            opened.set_inheritable(False)
            if not opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise Unavailable("systemd passed a socket that does not listen. The unit needs: Accept=no")
        except OSError as error:
            raise Unavailable(f"The socket that systemd passed cannot be used: {error.strerror}.") from None
        doors.append(Door(opened))
    return doors


def _network(place: Listen) -> list[Door]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise Unavailable(f"{place.host} cannot be resolved to an address. Check the name.") from None
    doors: list[Door] = []
    missing: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(address)
            opened.listen(BACKLOG)  # two processes may bind an address, and the error only comes here
        except OSError as error:
            opened.close()
            missing = error
            if error.errno not in _ELSEWHERE:
                close_doors(doors)
                raise Unavailable(_refused(place, error)) from None
        else:
            doors.append(Door(opened))
    if not doors:
        assert missing is not None
        raise Unavailable(_refused(place, missing))
    return doors


def _refused(place: Listen, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use by another program."
    if error.errno == errno.EACCES:
        return f"{place} cannot be opened by this user. Ports below 1024 require root or systemd."
    if error.errno in _ELSEWHERE:
        return f"{place} cannot be opened: this machine does not have the address."
    return f"{place} cannot be opened: {error.strerror}."


def _unix(path: Path, group: str) -> Door:
    members = _group(group) if group else None
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door = Door(opened)
    try:
        _prepare_folder(path.parent, members, group)
        _remove_dead(path)
        mask = os.umask(0o177)  # never open to others, not even for a moment
        try:
            opened.bind(str(path))
        finally:
            os.umask(mask)
        door = Door(opened, path, os.lstat(path).st_ino)
        opened.listen(BACKLOG)
        if members is not None:
            _open_to(path, members, 0o660, group)
    except OSError as error:
        door.close()
        reason = "its path is longer than a socket's may be" if error.errno is None else error.strerror
        raise Unavailable(f"unix:{path} cannot be opened: {reason}.") from None
    except BaseException:
        door.close()
        raise
    return door


def _prepare_folder(folder: Path, members: int | None, group: str) -> None:
    """Create a private folder, or raise `Unavailable` if others may write in an existing one."""
    if not folder.exists():
        locations.ensure_private_dir(folder)
        if members is not None:
            _open_to(folder, members, 0o750, group)
    info = os.stat(folder)
    if stat.S_IMODE(info.st_mode) & 0o022:
        raise Unavailable(
            f"Other users may write in {folder}, and could replace the socket. "
            "Use a separate folder, as in unix:/run/secconsole/api.sock."
        )
    if info.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"{folder} belongs to another user. It must belong to the user who runs secconsole.")
    may_enter = info.st_mode & 0o001 or (info.st_gid == members and info.st_mode & 0o010)
    if members is not None and not may_enter:
        raise Unavailable(f"The group {group} cannot enter {folder}: chgrp {group} {folder} && chmod 750 {folder}")


def _open_to(path: Path, members: int, mode: int, group: str) -> None:
    try:
        os.chown(path, -1, members)
    except PermissionError:
        raise Unavailable(f"Only root or a member of {group} can open {path} to that group.") from None
    path.chmod(mode)


def _remove_dead(path: Path) -> None:
    """Remove a socket that no process listens on, or raise `Unavailable` for anything else in its place."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise Unavailable(f"{path} exists and is not a socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full queue also means that a process listens
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise Unavailable(f"unix:{path} is in use by another program.")


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Unavailable(f"There is no group {name} on this machine.") from None


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
