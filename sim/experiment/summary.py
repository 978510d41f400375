"""All replications of a scenario together: the figures of docs/interface.md with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sim.experiment.figures import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.experiment.aggregation import S
    from sim.experiment.estimators import Estimator
    from sim.experiment.figure import Figure
    from sim.experiment.figures import Figures
    from sim.scenario.disruptions import DisruptionKind
    from sim.scenario.specs import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The results of all rollouts of a scenario: `values` by the names of the figures, or `summary[RATE_502]`.

    `disruption`: what a rollout is here, which the words of reports follow.
    """

    scenario: str
    disruption: DisruptionKind
    seed: int
    replications: int
    estimator: Estimator
    version: str
    values: Mapping[str, Any]

    def __getitem__(self, figure: Figure[Any, S]) -> S:
        """Return the result for a figure: an estimate, or quantiles by name."""
        summarised: S = self.values[figure.name]
        return summarised

    def figures(self) -> Iterator[Figure[Any, Any]]:
        """Yield the figures that the scenario has."""
        return (figure for figure in FIGURES if figure.name in self.values)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `albsim run --format json` prints. Missing values are null."""
        printed: dict[str, Any] = {
            "scenario": self.scenario,
            "seed": self.seed,
            "replications": self.replications,
            "estimator": self.estimator,
            "version": self.version,
        }
        for figure in self.figures():
            *groups, name = figure.name.split(".")
            place = printed
            for group in groups:
                place = place.setdefault(group, {})
            place[name] = figure.over.as_json(self[figure])
        return printed


def summarise(scenario: Scenario, rollouts: Sequence[Figures]) -> Summary:
    """Return the summary of a scenario's replications, all made with one estimator."""
    estimator = rollouts[0].estimator
    return Summary(
        scenario=scenario.name,
        disruption=scenario.disruption,
        seed=scenario.seed,
        replications=len(rollouts),
        estimator=estimator,
        version=version("albsim"),
        values={
            figure.name: figure.over.of_all([rollout[figure] for rollout in rollouts], estimator)
            for figure in FIGURES
            if figure.is_of(scenario)
        },
    )
