from __future__ import annotations

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
