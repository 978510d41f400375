"""By hand: which text stands below which name."""

from __future__ import annotations

from sim.scenario.docstrings import attribute_docstrings


class Described:
    """The class itself."""

    first: int = 1
    """One line."""
    undescribed: int = 2
    second: str
    """Two lines,
    of which this is the second."""

    def method(self) -> None:
        """Not an attribute's."""


def test_each_docstring_belongs_to_the_name_above_it() -> None:
    assert attribute_docstrings(Described) == {
        "first": "One line.",
        "second": "Two lines,\nof which this is the second.",
    }
