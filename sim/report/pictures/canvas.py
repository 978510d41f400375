"""What all pictures share: colours that colour-blind readers can tell apart, and files that are equal byte for byte.

Sources: Okabe and Ito, "Color Universal Design" (2008), for the colours.
"""

from __future__ import annotations

import io
import math
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sim.experiment.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis
    from matplotlib.figure import Figure

ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
BLACK = "#000000"
PALE = "#E8E8E8"

DPI = 150
_PER_INCH = 10.0
"""How many letters of a title an inch holds."""
_MOST_TICKS = 9
_INCHES_PER_TICK, _PER_LETTER = 0.25, 0.06
_STEPS = [step * 10.0**power for power in range(-4, 10) for step in (1, 2, 5)]
_UNDATED: dict[str, dict[str, Any]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


class Canvas(NamedTuple):
    """A picture with one pair of axes."""

    picture: Figure
    axes: Axes


def image_format(path: Path) -> str:
    """Return the format that a file's suffix asks for: png, svg or pdf.

    Raises ValueError for any other.
    """
    if path.suffix.lower() not in _UNDATED:
        raise ValueError(f"'{path}' must end in {', '.join(_UNDATED)}: a picture is written as one of these")
    return path.suffix.lower().removeprefix(".")


def save(picture: Figure, path: Path) -> None:
    """Write a picture to a file in the format of its suffix. An equal picture gives equal bytes.

    Raises ValueError if the suffix is none of .png, .svg and .pdf, before anything is written. Raises OSError if the
    file cannot be written; then there is no file, or still the old one.
    """
    content = drawn(picture, image_format(path))
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def drawn(picture: Figure, form: str) -> bytes:
    """Return the bytes of a picture's file as png, svg or pdf. An equal picture gives equal bytes."""
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "albsim"}):
        picture.savefig(content, format=form, dpi=DPI, metadata=_UNDATED[f".{form}"])
    return content.getvalue()


def canvas(size: tuple[float, float], *, title: str = "", origin: str = "", grid: Literal["x", "y"] = "y") -> Canvas:
    """Return an empty picture of `size` inches and its axes. `origin` is in small print below it."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=size, layout="constrained")
    axes = picture.add_subplot()
    axes.set_title(literal(textwrap.fill(title, int(_PER_INCH * size[0]))), loc="left", fontsize=11, wrap=True)
    picture.supxlabel(origin, fontsize=7, color="#555555", x=0.99, ha="right")
    axes.grid(visible=True, axis=grid, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return Canvas(picture, axes)


def literal(text: str) -> str:
    """Return a user's text so that matplotlib shows it literally and takes no part of it for mathematics.

    Letters that the font lacks would be boxes, so they are left out: of a name in such a script nothing is shown.
    """
    known = "".join(letter for letter in text if letter == "\n" or ord(letter) in _letters())
    return (known if known == text else known.lstrip(" :-") or "…").replace("$", r"\$")


@cache
def _letters() -> frozenset[int]:
    """Return the letters of the pictures' font, which matplotlib brings along."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def symmetric_log(axis: XAxis | YAxis, most: float, *, least: float = 1.0, room: float = 1.08) -> None:
    """Make an axis of non-negative values logarithmic up to `most`, and linear from 0 up to `least`.

    So zero has a marked place, and both small and large values can be told apart. `least` is lowered if `most` is not
    far above it. `room` is the factor of space above `most`.
    """
    from matplotlib.ticker import NullLocator

    top = most if most > 0 else 1.0
    linear_to = min(least, 10.0 ** (math.floor(math.log10(top)) - 1))
    scale, limits = f"set_{axis.axis_name}scale", f"set_{axis.axis_name}lim"
    getattr(axis.axes, scale)("symlog", linthresh=linear_to)
    getattr(axis.axes, limits)(0, room * top)
    steps = [step for step in _STEPS if linear_to <= step <= room * top]
    fitting = _fitting(axis, f"{top:,.0f}")
    if len(steps) > fitting:
        steps = [step for step in steps if math.log10(step) == round(math.log10(step))]
        steps = steps[:: -max(1, math.ceil(len(steps) / fitting))][::-1]
    axis.set_ticks([0.0, *steps], labels=[f"{tick:,.10g}" for tick in (0.0, *steps)])
    axis.set_minor_locator(NullLocator())


def _fitting(axis: XAxis | YAxis, longest: str) -> int:
    """Return how many ticks fit into an axis, across by the length of the longest label."""
    picture = axis.axes.figure.figure
    if axis.axis_name == "y" or picture is None:
        return _MOST_TICKS
    return min(_MOST_TICKS, int(picture.get_figwidth() / (_INCHES_PER_TICK + _PER_LETTER * len(longest))))
