"""One replication of a scenario: its control plane, its requests and the figures that come from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.control_plane.world import ControlPlane
from sim.data_plane.expected import expect_requests
from sim.experiment.estimators import choose_estimator
from sim.experiment.figures import figures_of
from sim.experiment.simulated import Simulated, drawn_requests
from sim.experiment.trace_to_timeline import timeline_of
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.data_plane.expectation import Expectation
    from sim.data_plane.requests import Requests
    from sim.data_plane.timeline import Timeline
    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.scenario.specs import Scenario


@dataclass(frozen=True)
class Replication(Simulated):
    """One replication, whole: what happened, what the data plane knew, what became of the requests.

    Times are in seconds since the start of the rollout.

    Attributes
    ----------
    scenario
        What was simulated.
    number
        Which replication: with the scenario's seed it gives every random draw.
    trace
        What happened in the control plane: typed records, in the order of time.
    timeline
        When each target was registered, healthy, listening and cut, by ALB node.
    estimate
        What the figures count: the drawn requests, or what is expected of them.
    """

    def figures(self) -> Figures:
        """Return the replication's results: the value of each figure.

        Returns
        -------
        Figures
            The value of each figure that the scenario has.
        """
        return figures_of(self)


def simulate(scenario: Scenario, *, replication: int = 0, estimator: Estimator | None = None) -> Replication:
    """Simulate one replication.

    The same scenario, seed and number give the same result to the bit. Replication `k` of two scenarios meets the same
    random draws.

    Parameters
    ----------
    scenario
        What to simulate.
    replication
        Which replication, from 0.
    estimator
        How the figures count requests: `sampled` draws every one, `expected` computes their expectation, given what the
        control plane did. By default `expected` where the settings have an expectation in closed form, else `sampled`.

    Returns
    -------
    Replication
        What happened.

    Raises
    ------
    ScenarioError
        If the settings let the rollout come to no end, or have no expectation where that is asked for.
    """
    chosen = choose_estimator([scenario], estimator)
    ((_, whole),) = simulate_alike([scenario], replication=replication, estimator=chosen, whole_account=True)
    return whole


def simulate_alike(
    scenarios: Sequence[Scenario], *, replication: int, estimator: Estimator, whole_account: bool = False
) -> Iterator[tuple[int, Replication]]:
    """Yield one replication of each of several scenarios with the same `control_plane_key`, from one control plane.

    Each replication comes with its position in `scenarios`, in the order in which the rollouts are over. All scenarios
    must allow the estimator. The traces say what other clusters' controllers did only if they are of the
    `whole_account`: no figure needs it. Raises `ScenarioError` as `simulate` does; scenarios that would come later have
    no end either.
    """
    streams = Streams(scenarios[0].seed, replication)
    control_plane = ControlPlane(scenarios[0], streams, whole_account=whole_account)
    over_s = [control_plane.over_s(scenario.pod) for scenario in scenarios]
    for place in sorted(range(len(scenarios)), key=over_s.__getitem__):
        scenario = scenarios[place]
        trace = control_plane.trace(scenario.pod)
        timeline = timeline_of(trace, scenario, streams)
        estimate = _estimate(scenario, timeline, streams, estimator)
        yield place, Replication(scenario, replication, trace, timeline, estimate)


def _estimate(scenario: Scenario, timeline: Timeline, streams: Streams, estimator: Estimator) -> Requests | Expectation:
    if estimator == "expected":
        traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
        return expect_requests(timeline, traffic=traffic, pod=pod, target_group=target_group)
    return drawn_requests(scenario, timeline, streams)
