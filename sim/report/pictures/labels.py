"""What the axes of a sweep's figures are called: names of keys and figures in words, with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = {"_rps": "requests/s", "_per_s": "per s", "_s": "s"}
_WORDS = {"pre stop": "preStop", "aws": "AWS", "alb": "ALB"}
_QUANTILES = {"mean": "mean", "p50": "median", "p90": "90 % quantile", "p99": "99 % quantile", "max": "longest"}


class Measure(NamedTuple):
    """A figure's axis: its label, and what its values are multiplied with."""

    label: str
    factor: float = 1.0


_MEASURES: Mapping[str, Measure] = {
    "requests": Measure("requests per rollout"),
    "rate_502": Measure("502s (% of requests)", 100.0),
    "any_502": Measure("rollouts with a 502 (%)", 100.0),
    "rollout_s": Measure("rollout duration (s)"),
    "no_healthy_target_s": Measure("without a healthy target (s)"),
    "least_healthy_targets": Measure("fewest healthy targets of an ALB node"),
    "aws_api.calls": Measure("AWS calls per rollout"),
    "aws_api.throttled": Measure("throttled AWS calls per rollout"),
    "aws_api.reconciles": Measure("reconciles per rollout"),
    "aws_api.failed_reconciles": Measure("failed reconciles per rollout"),
}


def measure(figure: str) -> Measure:
    """Return the axis of a figure (a column of a sweep): `responses.502` is `502s per rollout`."""
    group, _, detail = figure.partition(".")
    if group == "responses":
        return Measure(f"{detail}s per rollout")
    if group == "outcomes":
        return Measure(f"{cause(figure)} per rollout")
    if group in {"deregistration_lag_s", "exposure_s"}:
        return Measure(f"{key_label(group).removesuffix(' (s)')}, {_QUANTILES[detail]} over pods (s)")
    if group == "latency_s":
        when, _, quantile = detail.partition(".")
        return Measure(f"latency {'before the rollout' if when == 'before' else 'in the window'}, {quantile} (s)")
    return _MEASURES[figure]


def cause(figure: str) -> str:
    """Return the words of an outcome: `outcomes.connect_refused` is `connect refused`."""
    return figure.removeprefix("outcomes.").replace("_", " ")


def key_label(key: str) -> str:
    """Return the words of a scenario's key, with its unit: `pod.pre_stop_sleep_s` is `preStop sleep (s)`."""
    name = key.rpartition(".")[2]
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    suffix = next((suffix for suffix in _UNITS if name.endswith(suffix)), "")
    words = name.removesuffix(suffix).replace("_", " ")
    for plain, proper in _WORDS.items():
        words = words.replace(plain, proper)
    return f"{words} ({unit})" if unit else words
