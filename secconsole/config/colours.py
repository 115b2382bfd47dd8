"""Colours as theme files write them, and their contrast, independent of any screen library."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\Z")
_SIXTEEN = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI_NAMES = frozenset({"ansi_default"} | {f"ansi_{c}" for c in _SIXTEEN} | {f"ansi_bright_{c}" for c in _SIXTEEN})
# CSS names worth having. All other colours are written as #rrggbb.
NAMES = {
    "black": "#000000",
    "white": "#ffffff",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "yellow": "#ffff00",
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "maroon": "#800000",
    "olive": "#808000",
    "lime": "#00ff00",
    "teal": "#008080",
    "navy": "#000080",
    "purple": "#800080",
    "orange": "#ffa500",
    "gold": "#ffd700",
    "coral": "#ff7f50",
    "salmon": "#fa8072",
    "tomato": "#ff6347",
    "crimson": "#dc143c",
    "orchid": "#da70d6",
    "violet": "#ee82ee",
    "indigo": "#4b0082",
    "turquoise": "#40e0d0",
    "skyblue": "#87ceeb",
    "steelblue": "#4682b4",
    "royalblue": "#4169e1",
    "slategray": "#708090",
    "seagreen": "#2e8b57",
    "forestgreen": "#228b22",
    "khaki": "#f0e68c",
    "beige": "#f5f5dc",
    "ivory": "#fffff0",
    "snow": "#fffafa",
    "whitesmoke": "#f5f5f5",
    "lavender": "#e6e6fa",
    "chocolate": "#d2691e",
    "sienna": "#a0522d",
    "plum": "#dda0dd",
    "tan": "#d2b48c",
}


@dataclass(frozen=True)
class Colour:
    """Red, green and blue from 0 to 255, and opacity from 0 to 1."""

    red: int
    green: int
    blue: int
    alpha: float = 1.0

    @property
    def hex(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    def over(self, below: Colour) -> Colour:
        """Return the visible colour when this one is drawn over an opaque one."""
        return below.towards(self, self.alpha)

    def towards(self, other: Colour, share: float) -> Colour:
        """Return a mixture: this colour at 0, the other at 1."""
        mixed = (
            round(a + (b - a) * share)
            for a, b in ((self.red, other.red), (self.green, other.green), (self.blue, other.blue))
        )
        return Colour(*mixed)


def parse(text: str) -> Colour | None:
    """Parse `#rgb`, `#rrggbb`, `#rrggbbaa` or one of NAMES.

    Return None for anything else, which includes the terminal's own colours.
    """
    text = NAMES.get(text, text)
    if not _HEX.match(text):
        return None
    digits = text[1:]
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return Colour(red, green, blue, int(digits[6:], 16) / 255 if digits[6:] else 1.0)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two opaque colours, from 1 to 21 (WCAG 2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)
