"""What the axes of pictures are called: a scenario's keys in words, with their units, and outcomes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.data_plane.outcomes import Outcome

_UNITS = {"_rps": "requests/s", "_per_s": "per s", "_s": "s"}
_WORDS = {"pre stop": "preStop", "aws": "AWS", "alb": "ALB"}


def cause(outcome: Outcome) -> str:
    """Return the words of an outcome: `connect refused`."""
    return outcome.name.lower().replace("_", " ")


def key_label(key: str) -> str:
    """Return the words of a scenario's key, with its unit: `pod.pre_stop_sleep_s` is `preStop sleep (s)`."""
    name = key.rpartition(".")[2]
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    suffix = next((suffix for suffix in _UNITS if name.endswith(suffix)), "")
    words = name.removesuffix(suffix).replace("_", " ")
    for plain, proper in _WORDS.items():
        words = words.replace(plain, proper)
    return f"{words} ({unit})" if unit else words
