"""Styles as Textual writes them: the codes that set them from none, separated by semicolons."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

# Attributes that show on a blank: underline, reverse, strike, double underline, overline.
_SEEN_ON_BLANKS = frozenset({"4", "7", "9", "21", "53"})


class Parts(NamedTuple):
    """A style taken apart.

    A default colour is empty.
    """

    attributes: frozenset[str]
    ink: str
    ground: str


@lru_cache(1024)
def parts(style: str) -> Parts:
    """Return attributes, foreground and background of a style."""
    rest, ink, ground = set(), "", ""
    codes = iter(style.split(";")) if style else iter(())
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "")
            colour = ";".join([code, kind, *(next(codes, "0") for _ in range(3 if kind == "2" else 1))])
        elif code in ("39", "49"):
            colour = ""
        else:
            colour = code
        number = int(code or 0)
        if 30 <= number <= 39 or 90 <= number <= 97:
            ink = colour
        elif 40 <= number <= 49 or 100 <= number <= 107:
            ground = colour
        else:
            rest.add(code)
    return Parts(frozenset(rest), ink, ground)


@lru_cache(1024)
def blank(style: str) -> str:
    """Return the style of a blank that looks the same: without what only letters show."""
    found = parts(style)
    return style if found.attributes & _SEEN_ON_BLANKS else found.ground


@lru_cache(1024)
def paints_blank(pen: str, style: str) -> bool:
    """Return True if a blank of this style can be written or erased with that pen."""
    return pen == style or blank(pen) == style


@lru_cache(1024)
def is_plain(style: str) -> bool:
    """Return True if erasing cells, which paints the background alone, draws blanks of this style."""
    return style == parts(style).ground


@lru_cache(1024)
def restyle(old: str | None, new: str) -> str:
    """Return the shortest change between two styles.

    None: the old one is unknown.
    """
    if old == new:
        return ""
    now, new_ink, new_ground = parts(new)
    afresh = f"\x1b[{';'.join(['0', *sorted(now), *filter(None, (new_ink, new_ground))])}m" if new else "\x1b[m"
    if old is None:
        return afresh
    was, ink, ground = parts(old)
    # A code that ends one attribute may end another too (22 ends bold and dim), so all are reset, and the rest is set
    # once more. Only bold alone has a code that ends it and nothing else that is set.
    ended = []
    if not was <= now:
        if was - now != {"1"} or "2" in was:
            return afresh
        ended = ["22"]
    codes = ended + sorted(now - was)
    if ink != new_ink:
        codes.append(new_ink or "39")
    if ground != new_ground:
        codes.append(new_ground or "49")
    change = f"\x1b[{';'.join(codes)}m"
    return min(change, afresh, key=len)
