r"""A real terminal for tests: a pty with size, environment and optional latency, an emulated screen, its picture.

    t = Term(["prog"], cols=80, rows=24, env={"NO_COLOR": "1"}, rtt=0.1)
    t.wait_text(r"pass(word|phrase)", 10)      # seconds since the start, or None
    t.type("secret"); k = t.key("enter")       # k.first, k.settled, k.last in seconds; k.nbytes
    print("\n".join(t.lines())); t.png("shot.png")
    t.close()

A thread reads the pty all the time, so that a program never blocks, answers the terminal queries of programs, and notes
the time of each chunk. The screen is fed from the chunks only on access, so emulation costs nothing while a key is
timed.
"""

from __future__ import annotations

import codecs
import collections
import contextlib
import fcntl
import glob
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyte

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "escape": "\x1b",
    "backspace": "\x7f",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "delete": "\x1b[3~",
    "f1": "\x1bOP",
    **{f"ctrl+{c}": chr(ord(c) - 96) for c in "abcdefghijklmnopqrstuvwxyz"},
}

# What pyte 0.8 would misread or does not need: strings (OSC, DCS, APC, PM, SOS), private CSI with
# < = > (kitty keyboard, xterm key options: "CSI > 4 m" would turn underline on), mode requests ("CSI ? n $ p").
_STRINGS = re.compile(r"\x1b[\]PX^_].*?(?:\x07|\x1b\\)", re.S)
_PRIVATE = re.compile(r"\x1b\[[<=>][0-9;:]*[ -/]*[@-~]|\x1b\[\??[0-9;]*[ -/]+[@-~]|\x1b\[\?[0-9;]*[um]")
_COLON = re.compile(r"\x1b\[([0-9;]*:[0-9;:]*)m")
_OPEN = re.compile(r"(?:\x1b|\x1b\[[0-?]*[ -/]*|\x1b[\]PX^_][^\x07\x1b]*\x1b?|\x1b[()#%*+])$", re.S)
_ALT = re.compile(r"(\x1b\[\?(?:[0-9;]*;)?(?:1049|1047|47)(?:;[0-9;]*)?[hl])")
_UNFINISHED = re.compile(
    r"\x1b\[\?2026h(?:(?!\x1b\[\?2026l).)*$", re.S
)  # a terminal shows such a frame when it is whole
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")

#: what stays switched on in a terminal if a program leaves without cleaning up
MODES = {
    b"1049": "alternate screen",
    b"1047": "alternate screen",
    b"47": "alternate screen",
    b"1000": "mouse",
    b"1002": "mouse",
    b"1003": "mouse",
    b"1006": "mouse",
    b"1015": "mouse",
    b"1016": "mouse",
    b"1004": "focus reports",
    b"2004": "bracketed paste",
    b"2048": "resize reports",
}


def _colon(m: re.Match[str]) -> str:
    """Convert SGR with colons for pyte: 38:2::r:g:b becomes 38;2;r;g;b, 4:3 becomes 4."""
    out = []
    for p in m[1].split(";"):
        q = p.split(":")
        if q[0] in ("38", "48") and len(q) >= 5 and q[1] == "2":
            out.append(";".join([q[0], "2", *q[-3:]]))
        elif q[0] in ("38", "48") and len(q) == 3:
            out.append(";".join(q))
        else:
            out.append(q[0])
    return "\x1b[" + ";".join(out) + "m"


#: A wait that succeeds returns at once. Only a failing test pays for these, and a busy machine needs them.
PATIENCE = 4.0
LEAST = 20.0  # seconds that every wait for something lasts


def _patient(timeout: float) -> float:
    return max(timeout * PATIENCE, LEAST)


@dataclass
class Key:
    """Effect of one key press, in seconds after it, or None if nothing was sent."""

    first: float | None
    settled: float | None  # the part of the screen asked about stopped changing here
    last: float | None  # the last byte came here
    nbytes: int
    changed: bool = False
    raw: bytes = field(default=b"", repr=False)


class Term:
    def __init__(
        self,
        argv,
        cols=80,
        rows=24,
        env=None,
        cwd=None,
        rtt=0.0,
        sync=True,
        background="#101010",
        term="xterm-256color",
        colorterm="truecolor",
        history=4000,
        prepared=None,
    ):
        self.cols, self.rows, self.rtt, self.sync, self.background = cols, rows, rtt, sync, background
        self.chunks: list[tuple[float, bytes]] = []
        self.nbytes = 0
        self.modes: dict[bytes, bool] = {}
        self.cursor_shown = True
        self.kitty = 0  # keyboard modes pushed and not popped
        self._main = pyte.HistoryScreen(cols, rows, history=history, ratio=0.5)
        self._alt = pyte.Screen(cols, rows)
        self._streams = {id(s): pyte.Stream(s) for s in (self._main, self._alt)}
        self.screen = self._main
        self._fed, self._carry = 0, ""
        self._dec = codecs.getincrementaldecoder("utf-8")("replace")
        self._inq: collections.deque = collections.deque()
        self._outq: collections.deque = collections.deque()
        self._cond = threading.Condition()
        self._tail = b""
        self._mtail = b""
        self.eof: float | None = None
        self.last_sent = 0.0
        self._closing = False
        self._wr, self._ww = os.pipe()
        self.fd, slave = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, cols * 10, rows * 20))
        self.tty0 = termios.tcgetattr(slave)
        e = {
            k: v
            for k, v in os.environ.items()
            if k
            not in (
                "NO_COLOR",
                "FORCE_COLOR",
                "CLICOLOR_FORCE",
                "COLUMNS",
                "LINES",
                "TMUX",
                "STY",
                "SSH_CONNECTION",
                "SSH_TTY",
                "TEXTUAL",
                "TEXTUAL_THEME",
                "TEXTUAL_LOG",
                "TERM_PROGRAM",
                "VTE_VERSION",
                "COLORTERM",
                "COLORFGBG",
            )
        }
        e.update({"TERM": term, "COLORTERM": colorterm, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
        e.update(env or {})
        e = {k: v for k, v in e.items() if v is not None}

        def child():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.t0 = time.perf_counter()
        if prepared is None:
            self.proc = subprocess.Popen(
                list(argv), stdin=slave, stdout=slave, stderr=slave, env=e, cwd=cwd, preexec_fn=child, close_fds=True
            )
        else:
            self.proc = prepared.start(list(argv)[2:], [slave] * 3, e, cwd)
        self._slave = slave  # kept open so that the terminal's state can be read after the program is gone
        self.pid = self.proc.pid
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    # ---- connection ---------------------------------------------------------------------------------------------
    def _raw_send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self.fd, data) :]

    def _reply(self, data: bytes) -> None:
        if self.rtt:
            self._inq.append((time.perf_counter() + self.rtt / 2, data))
        else:
            self._raw_send(data)

    def send(self, data: bytes | str) -> None:
        if isinstance(data, str):
            data = data.encode()
        self.last_sent = time.perf_counter()
        if self.rtt:
            with self._cond:
                self._inq.append((time.perf_counter() + self.rtt / 2, data))
            os.write(self._ww, b".")
        else:
            self._raw_send(data)

    def _answer(self, new: bytes) -> None:
        d = self._tail + new
        done = 0
        pat = re.compile(
            rb"\x1b\[\?(\d+)\$p|\x1b\[0?c|\x1b\[>0?c|\x1b\[\??6n|\x1b\[5n|\x1b\[\?u|\x1b\[1([468])t|\x1b\[>0?q|\x1b\](1[01]);\?(?:\x07|\x1b\\)|\x1bP\+q[0-9a-fA-F;]*\x1b\\"
        )
        for m in pat.finditer(d):
            done, s = m.end(), m[0]
            if s.endswith(b"$p"):
                known = {b"2026": self.sync, b"2004": True, b"1049": True, b"25": True}
                self._reply(b"\x1b[?" + m[1] + (b";2$y" if known.get(m[1]) else b";0$y"))
            elif s in (b"\x1b[c", b"\x1b[0c"):
                self._reply(b"\x1b[?62;22c")
            elif s in (b"\x1b[>c", b"\x1b[>0c"):
                self._reply(b"\x1b[>41;354;0c")
            elif s.endswith(b"6n"):
                self._reply(b"\x1b[1;1R")
            elif s == b"\x1b[5n":
                self._reply(b"\x1b[0n")
            elif s == b"\x1b[?u":
                self._reply(b"\x1b[?0u")
            elif m[2]:
                h, w = {b"4": (self.rows * 20, self.cols * 10), b"6": (20, 10), b"8": (self.rows, self.cols)}[m[2]]
                self._reply(b"\x1b[%d;%d;%dt" % ({b"4": 4, b"6": 6, b"8": 8}[m[2]], h, w))
            elif m[3]:
                c = self.background.lstrip("#") if m[3] == b"11" else ("e0e0e0" if _dark(self.background) else "101010")
                self._reply(
                    b"\x1b]" + m[3] + b";rgb:" + b"/".join((c[i : i + 2] * 2).encode() for i in (0, 2, 4)) + b"\x1b\\"
                )
            elif s.startswith(b"\x1bP+q"):
                self._reply(b"\x1bP0+r\x1b\\")
        self._tail = d[max(done, len(d) - 64) :]

    def _deliver(self, t: float, d: bytes) -> None:
        with self._cond:
            self.chunks.append((t, d))
            self.nbytes += len(d)
            m = self._mtail + d
            if b"\x1b" in m:
                cut = 0
                for x in re.finditer(rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[>[0-9;]*u|\x1b\[<([0-9]*)u", m):
                    cut = x.end()
                    if x[2]:
                        for n in x[1].split(b";"):
                            if n == b"25":
                                self.cursor_shown = x[2] == b"h"
                            else:
                                self.modes[n] = x[2] == b"h"
                    elif x[0].startswith(b"\x1b[>"):
                        self.kitty += 1
                    else:
                        self.kitty = max(0, self.kitty - int(x[3] or b"1"))
                self._mtail = m[max(cut, len(m) - 32) :]
            self._answer(d)
            self._cond.notify_all()

    def _read(self) -> None:
        while not self._closing:
            now, wait = time.perf_counter(), 0.5
            with self._cond:
                while self._inq and self._inq[0][0] <= now:
                    self._raw_send(self._inq.popleft()[1])
                due = self._outq.popleft() if self._outq and self._outq[0][0] <= now else None
                for q in (self._inq, self._outq):
                    if q:
                        wait = min(wait, max(0.0, q[0][0] - now))
            if due:
                self._deliver(*due)
                continue
            try:
                r, _, _ = select.select([self.fd, self._wr], [], [], wait)
            except (OSError, ValueError):
                break
            if self._wr in r:
                os.read(self._wr, 4096)
            if self.fd in r:
                try:
                    d = os.read(self.fd, 1 << 16)
                except OSError:
                    d = b""
                t = time.perf_counter()
                if not d:
                    break
                if self.rtt:
                    self._outq.append((t + self.rtt / 2, d))
                else:
                    self._deliver(t, d)
        while self._outq and not self._closing:
            t, d = self._outq.popleft()
            time.sleep(max(0.0, t - time.perf_counter()))
            self._deliver(t, d)
        with self._cond:
            self.eof = time.perf_counter()
            self._cond.notify_all()

    # ---- the screen ------------------------------------------------------------------------------------------------
    def _feed(self, data: bytes) -> None:
        s = self._carry + self._dec.decode(data)
        s = _STRINGS.sub("", s)
        m = (self.sync and _UNFINISHED.search(s)) or _OPEN.search(s, max(0, len(s) - 8192))
        self._carry = ""
        if m:
            self._carry, s = s[m.start() :], s[: m.start()]
        s = _COLON.sub(_colon, _PRIVATE.sub("", s))
        for part in _ALT.split(s):
            if _ALT.fullmatch(part):
                if part.endswith("h"):
                    self._alt.reset()
                    self.screen = self._alt
                else:
                    self.screen = self._main
            elif part:
                self._streams[id(self.screen)].feed(part)

    def look(self, upto: int | None = None):
        """Bring the screen up to date (or up to that many chunks) and return it."""
        with self._cond:
            todo = self.chunks[self._fed : upto]
        for _, d in todo:
            self._feed(d)
        self._fed += len(todo)
        return self.screen

    def lines(self) -> list[str]:
        return [s.rstrip() for s in self.look().display]

    def text(self) -> str:
        return "\n".join(self.lines())

    def scrollback(self) -> list[str]:
        """All lines, those that scrolled off the main screen first."""
        self.look()
        old = ["".join(r[x].data for x in range(self.cols)).rstrip() for r in self._main.history.top]
        return old + [s.rstrip() for s in self._main.display]

    def grid(self, rows=None, cols=None) -> tuple:
        """The cells as they look: character, colours, weight and reverse."""
        s = self.look()
        return _grid(s, rows or range(self.rows), cols or range(self.cols))

    def find(self, pattern, flags=re.I):
        """First (row, column, match) of a pattern on the screen, or None."""
        for y, line in enumerate(self.lines()):
            m = re.search(pattern, line, flags)
            if m:
                return y, m.start(), m
        return None

    # ---- waiting ---------------------------------------------------------------------------------------------------
    def wait_text(self, pattern, timeout=20.0, flags=re.I | re.S, gone=False):
        """Return the seconds to the chunk after which the pattern is on the screen (or gone), or None if never."""
        rx, end = re.compile(pattern, flags), time.perf_counter() + _patient(timeout)
        if bool(rx.search(self.text())) != gone:
            return (self.chunks[-1][0] if self.chunks else time.perf_counter()) - self.t0
        while True:
            with self._cond:
                if self._fed >= len(self.chunks):
                    if self.eof or time.perf_counter() >= end:
                        return None
                    self._cond.wait(min(0.2, max(0.001, end - time.perf_counter())))
                if self._fed >= len(self.chunks):
                    continue
                t = self.chunks[self._fed][0]
            self.look(self._fed + 1)
            if bool(rx.search("\n".join(x.rstrip() for x in self.screen.display))) != gone:
                return t - self.t0

    def wait_words(self, words, timeout=20.0):
        """As `wait_text`, for words that are no pattern and have these very letters."""
        return self.wait_text(re.escape(words), timeout, flags=0)

    def wait_match(self, pattern, timeout=20.0, flags=re.S):
        """Return the match of a pattern once it is on the screen, or None if it never is."""
        return self.wait_until(lambda t: re.search(pattern, t.text(), flags), timeout)

    def idle(self, seconds: float) -> None:
        """Let so much time go by: for what must not come."""
        time.sleep(seconds)

    def wait_quiet(self, quiet=0.25, timeout=10.0) -> bool:
        """Until nothing came for that long. False: it never went quiet."""
        end = time.perf_counter() + _patient(timeout)
        start = time.perf_counter()
        while True:
            with self._cond:
                now = time.perf_counter()
                last = max(self.chunks[-1][0] if self.chunks else start, start)
                if now - last >= quiet or self.eof:
                    return True
                if now >= end:
                    return False
                self._cond.wait(min(quiet - (now - last) + 0.001, end - now + 0.001))

    def when(self, fn, timeout=10.0):
        """Return the time (perf_counter) of the chunk after which fn(self) was first true, or None."""
        end = time.perf_counter() + _patient(timeout)
        while True:
            with self._cond:
                n = len(self.chunks)
                if self._fed >= n:
                    if self.eof or time.perf_counter() >= end:
                        return None
                    self._cond.wait(0.1)
                    continue
                at = self.chunks[self._fed][0]
            self.look(self._fed + 1)
            if fn(_Frozen(self)):
                return at

    def wait_until(self, fn, timeout=10.0, every=0.05):
        """The first true answer of fn(self), or None."""
        end = time.perf_counter() + _patient(timeout)
        while True:
            r = fn(self)
            if r:
                return r
            if time.perf_counter() >= end:
                return None
            with self._cond:
                self._cond.wait(every)

    # ---- keys ------------------------------------------------------------------------------------------------------
    def type(self, text: str, gap: float = 0.0) -> None:
        if not gap:
            self.send(text)
            return
        for c in text:
            self.send(c)
            time.sleep(gap)

    def press(self, *names: str, gap: float = 0.0) -> None:
        for n in names:
            self.send(KEYS.get(n.lower(), n))
            if gap:
                time.sleep(gap)

    def key(self, name: str, quiet=0.2, timeout=5.0, region=None) -> Key:
        """Press one key and time what comes of it. region(term) -> anything comparable: what `settled` is judged by."""
        self.look()
        i0 = self._fed
        region = region or (lambda t: t.grid())
        before = region(self)
        t = time.perf_counter()
        self.send(KEYS.get(name.lower(), name))
        with self._cond:
            end = t + quiet + self.rtt
            while time.perf_counter() < min(end, t + timeout) and not self.eof:
                if len(self.chunks) > i0:
                    end = max(end, self.chunks[-1][0] + quiet)
                self._cond.wait(max(0.001, min(end, t + timeout) - time.perf_counter()))
            new = self.chunks[i0:]
        if not new:
            return Key(None, None, None, 0)
        steps = self.timeline(i0, len(new), region)
        final = steps[-1][1]
        k = len(steps)  # settled: where the region last became what it stays
        while k and steps[k - 1][1] == final:
            k -= 1
        settled = steps[k][0] - t if k or final != before else None
        return Key(
            new[0][0] - t,
            settled,
            new[-1][0] - t,
            sum(len(d) for _, d in new),
            final != before,
            b"".join(d for _, d in new),
        )

    def timeline(self, start: int, n: int, region) -> list:
        """Return [(time, region)] after each of n chunks from chunk number start, which the screen must be at."""
        out = []
        for i in range(start, start + n):
            self.look(i + 1)
            out.append((self.chunks[i][0], region(_Frozen(self))))
        return out

    def first_frame(self, ready, timeout=30.0, quiet=0.3):
        """Return the seconds and bytes until the first full frame, or None.

        It is full when `ready` matches and nothing changes for `quiet` seconds.
        """
        rx = re.compile(ready, re.I | re.S)
        if self._fed:
            raise RuntimeError("first_frame must be the first look at the screen")
        end = time.perf_counter() + timeout
        raw, n = b"", 0
        plain = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\)|\x1b.", re.S)
        while time.perf_counter() < end:  # cheap look: no emulation while it is starting
            with self._cond:
                if n == len(self.chunks):
                    if self.eof:
                        return None
                    self._cond.wait(0.2)
                raw += b"".join(d for _, d in self.chunks[n:])
                n = len(self.chunks)
            if rx.search(plain.sub(b"", raw).decode("utf-8", "replace")):
                break
        else:
            return None
        self.wait_quiet(quiet, 5)
        with self._cond:
            n = len(self.chunks)
        steps = self.timeline(0, n, lambda t: tuple(t.lines()))
        final = steps[-1][1]
        if not rx.search("\n".join(final)):
            return None
        k = len(steps)
        while k and steps[k - 1][1] == final:
            k -= 1
        return steps[k][0] - self.t0, sum(len(d) for _, d in self.chunks[: k + 1])

    # ---- the process -----------------------------------------------------------------------------------------------
    def tree(self) -> list[int]:
        return process_tree(self.pid)

    def rss(self) -> float:
        """Resident MiB of the program and what it started, shells left out."""
        total = 0
        for p in self.tree():
            with contextlib.suppress(OSError):
                s = Path(f"/proc/{p}/status").read_text()
                if re.search(r"^Name:\t(bash|sh|dash|env|timeout)$", s, re.M):
                    continue
                m = re.search(r"^VmRSS:\s+(\d+)", s, re.M)
                total += int(m[1]) if m else 0
        return total / 1024

    def cpu(self) -> float:
        return sum(cpu_seconds(p) for p in self.tree())

    def alive(self) -> bool:
        return self.proc.poll() is None

    def resize(self, cols: int, rows: int) -> None:
        self.look()
        self.cols, self.rows = cols, rows
        for s in (self._main, self._alt):
            s.resize(rows, cols)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, cols * 10, rows * 20))

    def signal(self, sig: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, sig)

    def hangup(self) -> None:
        """Close the terminal under the program, like a dropped connection."""
        self._closing = True
        os.write(self._ww, b".")
        self._thread.join(2)
        for fd in (self._slave, self.fd):
            with contextlib.suppress(OSError):
                os.close(fd)
        self.fd = self._slave = -1

    def wait_exit(self, timeout=5.0):
        """Seconds until the program was gone, or None."""
        t = time.perf_counter()
        try:
            self.proc.wait(_patient(timeout))
        except subprocess.TimeoutExpired:
            return None
        return time.perf_counter() - t

    def left_on(self) -> list[str]:
        """Return the modes that the program has switched on in the terminal and not off again."""
        with self._cond:
            out = {MODES[m] for m, on in self.modes.items() if on and m in MODES}
            if not self.cursor_shown:
                out.add("cursor hidden")
            if self.kitty:
                out.add("keyboard protocol")
        if self._slave >= 0:
            now = termios.tcgetattr(self._slave)
            for name, bit in (("echo off", termios.ECHO), ("raw input", termios.ICANON), ("signals off", termios.ISIG)):
                if self.tty0[3] & bit and not now[3] & bit:
                    out.add(name)
        return sorted(out)

    @property
    def raw(self) -> bytes:
        with self._cond:
            return b"".join(d for _, d in self.chunks)

    def mark(self) -> int:
        with self._cond:
            return self.nbytes

    def since(self, mark: int) -> bytes:
        return self.raw[mark:]

    def close(self) -> None:
        for p in reversed(self.tree()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(p, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.proc.wait(5)
        if self.fd >= 0:
            self.hangup()
        for fd in (self._wr, self._ww):
            with contextlib.suppress(OSError):
                os.close(fd)
        self._wr = self._ww = -1

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()

    # ---- its picture -----------------------------------------------------------------------------------------------
    def picture(self, **k):
        k.setdefault("background", self.background)
        return picture(self.look(), **k)

    def png(self, path: str, **k) -> str:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.picture(**k).save(path)
        return path


class _Frozen:
    """A Term as it looked after one chunk: reading it must not feed what came later."""

    def __init__(self, t: Term):
        self._t, self.rows, self.cols, self.screen = t, t.rows, t.cols, t.screen

    def lines(self):
        return [s.rstrip() for s in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def look(self):
        return self.screen

    def grid(self, rows=None, cols=None):
        return _grid(self.screen, rows or range(self.rows), cols or range(self.cols))


def _grid(screen, rows, cols) -> tuple:
    b = screen.buffer
    return tuple(tuple(_look(b[y][x]) for x in cols) for y in rows)


def _look(c) -> tuple:
    if c.data == " " and not (c.reverse or c.underscore):
        return (" ", c.bg)  # nobody sees the colour of a letter there
    return (c.data, c.fg, c.bg, c.bold, c.reverse, c.underscore)


# ---- processes -------------------------------------------------------------------------------------------------------
def cpu_seconds(pid: int) -> float:
    try:
        f = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def process_tree(pid: int) -> list[int]:
    kids = collections.defaultdict(list)
    for p in os.listdir("/proc"):
        if p.isdigit():
            with contextlib.suppress(OSError, IndexError):
                kids[int(Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()[1])].append(int(p))
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        if os.path.exists(f"/proc/{p}"):
            out.append(p)
        todo += kids.get(p, [])
    return out


def running(pids) -> list[int]:
    """Return the processes that exist and are not zombies."""
    out = []
    for p in pids:
        with contextlib.suppress(OSError, IndexError):
            if Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                out.append(p)
    return out


# ---- pictures --------------------------------------------------------------------------------------------------------
_XTERM = [
    "#000000",
    "#cd0000",
    "#00cd00",
    "#cdcd00",
    "#0000ee",
    "#cd00cd",
    "#00cdcd",
    "#e5e5e5",
    "#7f7f7f",
    "#ff0000",
    "#00ff00",
    "#ffff00",
    "#5c5cff",
    "#ff00ff",
    "#00ffff",
    "#ffffff",
]
_SOLAR = [
    "#073642",
    "#dc322f",
    "#859900",
    "#b58900",
    "#268bd2",
    "#d33682",
    "#2aa198",
    "#eee8d5",
    "#002b36",
    "#cb4b16",
    "#586e75",
    "#657b83",
    "#839496",
    "#6c71c4",
    "#93a1a1",
    "#fdf6e3",
]
_TANGO = [
    "#2e3436",
    "#cc0000",
    "#4e9a06",
    "#c4a000",
    "#3465a4",
    "#75507b",
    "#06989a",
    "#d3d7cf",
    "#555753",
    "#ef2929",
    "#8ae234",
    "#fce94f",
    "#729fcf",
    "#ad7fa8",
    "#34e2e2",
    "#eeeeec",
]
#: what a person may have set in their terminal: background, text, and the sixteen colours
TERMINALS = {
    "dark": ("#101010", "#e0e0e0", _XTERM),
    "light": ("#ffffff", "#101010", _XTERM),
    "solarized-dark": ("#002b36", "#839496", _SOLAR),
    "solarized-light": ("#fdf6e3", "#657b83", _SOLAR),
    "tango": ("#2e3436", "#d3d7cf", _TANGO),
}
_NAMES = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]
_BLOCKS = {
    " ": (),
    "▀": ((0, 0, 1, 0.5),),
    "▄": ((0, 0.5, 1, 1),),
    "█": ((0, 0, 1, 1),),
    "▌": ((0, 0, 0.5, 1),),
    "▐": ((0.5, 0, 1, 1),),
    "▘": ((0, 0, 0.5, 0.5),),
    "▝": ((0.5, 0, 1, 0.5),),
    "▖": ((0, 0.5, 0.5, 1),),
    "▗": ((0.5, 0.5, 1, 1),),
    "▚": ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1)),
    "▞": ((0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1)),
    "▛": ((0, 0, 1, 0.5), (0, 0.5, 0.5, 1)),
    "▜": ((0, 0, 1, 0.5), (0.5, 0.5, 1, 1)),
    "▙": ((0, 0, 0.5, 0.5), (0, 0.5, 1, 1)),
    "▟": ((0.5, 0, 1, 0.5), (0, 0.5, 1, 1)),
    **{c: ((0, 1 - (i + 1) / 8, 1, 1),) for i, c in enumerate("▁▂▃")},
    "▅": ((0, 3 / 8, 1, 1),),
    "▆": ((0, 2 / 8, 1, 1),),
    "▇": ((0, 1 / 8, 1, 1),),
    **{c: ((0, 0, 1 - (i + 1) / 8, 1),) for i, c in enumerate("▉▊▋")},
    "▍": ((0, 0, 3 / 8, 1),),
    "▎": ((0, 0, 2 / 8, 1),),
    "▏": ((0, 0, 1 / 8, 1),),
    "▔": ((0, 0, 1, 1 / 8),),
    "▕": ((7 / 8, 0, 1, 1),),
}


def _dark(c: str) -> bool:
    c = c.lstrip("#")
    return sum(int(c[i : i + 2], 16) * w for i, w in ((0, 3), (2, 6), (4, 1))) < 1280


def _colour(c: str, default: str, palette) -> str:
    if c == "default":
        return default
    if c in _NAMES:
        return palette[_NAMES.index(c)]
    if c.startswith(("bright", "bfight")):  # "bfightmagenta" is pyte 0.8's own spelling
        n = {"yellow": "brown"}.get(c[6:], c[6:])
        return palette[8 + _NAMES.index(n)] if n in _NAMES else palette[15]
    return "#" + c


_fonts: dict = {}


def font_file(bold=False) -> str | None:
    """Return DejaVu Sans Mono if the system has it, or None for the imaging library's default font."""
    name = "DejaVuSansMono-Bold.ttf" if bold else "DejaVuSansMono.ttf"
    for place in ("/usr/share/fonts", "/usr/local/share/fonts", os.path.expanduser("~/.local/share/fonts")):
        hit = glob.glob(f"{place}/**/{name}", recursive=True)
        if hit:
            return hit[0]
    return None


def _font(size: int, bold=False):
    from PIL import ImageFont

    k = (size, bold)
    if k not in _fonts:
        f = font_file(bold) or font_file()
        _fonts[k] = ImageFont.truetype(f, size) if f else ImageFont.load_default(size)
    return _fonts[k]


def picture(screen, terminal="dark", cell=(10, 20), font_blocks=False, size=None, background=None, rows=None, gap=0):
    """The screen as an image.

    Block characters are exact rectangles, as most terminals draw them; font_blocks draws them from the font, each
    clipped to its cell (size: the font's size; the cell then follows from the font).
    """
    from PIL import Image, ImageDraw

    page, ink, pal = TERMINALS[terminal]
    if background and terminal == "dark":
        page = background
        ink = "#e0e0e0" if _dark(page) else "#101010"
    if font_blocks:
        f = _font(size or 16)
        a, d_ = f.getmetrics()
        cw, ch = round(f.getlength("█")), a + d_
        fb = _font(size or 16, True)
    else:
        cw, ch = cell
        f, fb = _font(int(ch * 0.8)), _font(int(ch * 0.8), True)
    rows = list(rows if rows is not None else range(screen.lines))
    im = Image.new("RGB", (screen.columns * cw, len(rows) * (ch + gap)), page)
    dr = ImageDraw.Draw(im)
    masks: dict = {}
    for j, y in enumerate(rows):
        line = screen.buffer[y] if isinstance(y, int) else y
        Y = j * (ch + gap)
        for x in range(screen.columns):
            c = line[x]
            F, B = _colour(c.fg, ink, pal), _colour(c.bg, page, pal)
            if c.reverse:
                F, B = B, F
            X = x * cw
            if page != B:
                dr.rectangle([X, Y, X + cw - 1, Y + ch - 1], fill=B)
            t = c.data
            if not t or t == " ":
                pass
            elif t in _BLOCKS and not font_blocks:
                for x0, y0, x1, y1 in _BLOCKS[t]:
                    dr.rectangle(
                        [X + round(x0 * cw), Y + round(y0 * ch), X + round(x1 * cw) - 1, Y + round(y1 * ch) - 1], fill=F
                    )
            elif font_blocks:
                k = (t, c.bold)
                if k not in masks:
                    masks[k] = Image.new("L", (cw, ch), 0)
                    ImageDraw.Draw(masks[k]).text((0, 0), t, font=fb if c.bold else f, fill=255)
                im.paste(F, (X, Y, X + cw, Y + ch), masks[k])
            else:
                dr.text((X, Y + max(0, (ch - int(ch * 0.8) * 1.17) / 2)), t, font=fb if c.bold else f, fill=F)
            if c.underscore:
                dr.line([X, Y + ch - 2, X + cw - 1, Y + ch - 2], fill=F)
    return im


def picture_of_history(term: Term, **k):
    """Main screen with all that scrolled off above it, for programs that print and leave."""
    s = term.look()
    if s is not term._main:
        return picture(s, **k)
    rows = list(s.history.top) + list(range(s.lines))
    k.setdefault("background", term.background)
    return picture(s, rows=rows, **k)


def decode_qr(im, invert=False) -> list[str]:
    """The texts of the QR codes in a picture, read as a phone's camera would: dark on light only, unless invert."""
    import zxingcpp
    from PIL import Image

    found: list[str] = []
    for scale in (1, 2):
        i = im if scale == 1 else im.resize((im.width * scale, im.height * scale), Image.NEAREST)
        for r in zxingcpp.read_barcodes(i, formats=zxingcpp.BarcodeFormat.QRCode, try_invert=invert):
            if r.valid and r.text not in found:
                found.append(r.text)
        if found:
            break
    return found


if __name__ == "__main__":
    import sys

    with Term(sys.argv[1:] or ["bash", "-c", "ls --color=always /"], cols=80, rows=24) as t_:
        t_.wait_quiet(1, 5)
        print(t_.text())
