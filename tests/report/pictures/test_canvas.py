from __future__ import annotations

import pytest

from sim.report.pictures import canvas


def test_the_colours_are_those_of_okabe_and_ito() -> None:
    """As the paper gives them, in RGB; any others would have to be shown to be safe."""
    paper = {
        "ORANGE": (230, 159, 0),
        "SKY_BLUE": (86, 180, 233),
        "GREEN": (0, 158, 115),
        "YELLOW": (240, 228, 66),
        "BLUE": (0, 114, 178),
        "VERMILION": (213, 94, 0),
        "PURPLE": (204, 121, 167),
        "BLACK": (0, 0, 0),
    }
    assert {name: tuple(bytes.fromhex(getattr(canvas, name)[1:])) for name in paper} == paper


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("prod-eu: 502s", "prod-eu: 502s"),
        ("Größe-ß: 502s", "Größe-ß: 502s"),
        ("本番環境: 502s", "502s"),
        ("prod-本番: 502s", "prod-: 502s"),
        ("🚀: 502s\nbelow", "502s\nbelow"),
        ("本番", "…"),
        ("a$b$", r"a\$b\$"),
    ],
)
def test_letters_that_the_font_lacks_are_left_out_and_no_boxes_are_drawn(name: str, shown: str) -> None:
    """A box would warn, and each warning fails a test."""
    assert canvas.literal(name) == shown
    assert canvas.drawn(canvas.canvas((4, 2), title=name).picture, "png")
