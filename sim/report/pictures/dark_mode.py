"""SVG that follows the dark mode of the browser that shows it: style sheet rules inside the picture.

Matplotlib writes each colour into a `style` attribute, and texts without one. The colours of things that carry a
meaning stay.
"""

from __future__ import annotations

from sim.report.pictures.canvas import PALE

_TEXT, _QUIET, _PAGE, _LINE, _PALE = "#e4e7ec", "#a3abb8", "#15181d", "#363d47", "#3b424c"
_COLOURS = {"#000000": _TEXT, "#555555": _QUIET, "#ffffff": _PAGE, "#dddddd": _LINE, PALE.lower(): _PALE}
_RULES = "".join(
    f'[style*="{what}: {light}"]{{{what}:{dark} !important}}'
    for light, dark in _COLOURS.items()
    for what in ("fill", "stroke")
)
_STYLE = f"<style>@media (prefers-color-scheme: dark){{svg{{fill:{_TEXT}}}{_RULES}}}</style>".encode()


def follows_dark_mode(svg: bytes) -> bytes:
    """Return the SVG with light things dark and dark things light in dark mode."""
    return svg.replace(b"<defs>", _STYLE + b"<defs>", 1)
