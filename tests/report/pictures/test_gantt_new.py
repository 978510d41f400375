"""Oracle: a scale-out by hand. The chart's rows are new pods, and what it cannot have takes no line in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib.colors import to_hex

from sim.diagnosis.findings import findings
from sim.experiment.figures import figures_of
from sim.experiment.replication import simulate
from sim.experiment.summary import summarise
from sim.report.pictures.canvas import PALE, SKY_BLUE, YELLOW
from sim.report.pictures.gantt import gantt
from sim.report.pictures.gantt_below import GAVE_UP
from sim.report.pictures.gantt_new import KNOWN_TO_ALL, REGISTERED, new_pods
from sim.report.pictures.gantt_parts import MOST_PODS
from sim.report.short import labelled
from sim.report.story import story
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.replication import Replication

SCALE_OUT = {
    "name": "scale-out by hand",
    "traffic": {"arrival_rate_rps": 10, "arrivals": "even", "service_time_s": 3, "client_timeout_s": 2},
    "deployment": {"replicas": 2},
    "pod": {"startup_s": 20},
    "controller": {"version": "fixed_lag", "deregistration_lag_s": 2, "registration_lag_s": 5},
    "target_group": {"alb_nodes": 1, "health_check": None},
    "disruption": "scale_out",
    "scale_out": {"to_replicas": 4, "counted_until_s": 60},
}
"""Two pods are created at 0 s, Ready at 20 s, registered at 25 s, and so routable. A request takes 3 s, and
each client gives up after 2 s: ten 460s a second, those of the two seconds before 0 s among them."""


@pytest.fixture(scope="module")
def scaled_out() -> Replication:
    return simulate(Scenario.model_validate(SCALE_OUT), estimator="sampled")


@pytest.fixture(scope="module")
def picture(scaled_out: Replication) -> Figure:
    return gantt(findings(scaled_out))


def test_the_way_of_new_pods_by_hand(picture: Figure) -> None:
    pods = picture.axes[0]
    assert [label.get_text() for label in pods.get_yticklabels()] == ["2", "3"]
    assert _bars(pods, PALE) == [(0, 20)] * 2
    assert _bars(pods, YELLOW) == [(20, 25)] * 2
    assert _bars(pods, SKY_BLUE) == [(25, 60)] * 2
    assert _marks(pods, REGISTERED) == [(25, 0), (25, 1)]
    assert _marks(pods, KNOWN_TO_ALL) == [(25, 0), (25, 1)]


def test_the_panel_below_has_the_clients_that_give_up(scaled_out: Replication, picture: Figure) -> None:
    (drawn,) = picture.axes[1].patches
    per_s = drawn.get_data().values
    assert drawn.get_label() == GAVE_UP
    assert per_s[:200].mean() == pytest.approx(10, rel=0.01), "ten a second in the first half, none at once"
    assert f"{scaled_out.requests.outcome.size} failed requests" in picture.get_suptitle()


def test_behind_worker_nodes_nothing_is_registered() -> None:
    """Each worker node's rules have the pods at 20 + 1 s."""
    workers = {"target_group": {"target_type": "instance", "instances": 2, "kube_proxy_sync_s": 1}}
    scenario = Scenario.model_validate(SCALE_OUT | workers).with_overrides({"endpoints.propagation_s": 0})
    found = findings(simulate(scenario, estimator="sampled"))
    pods = gantt(found).axes[0]
    assert _marks(pods, REGISTERED) == []
    assert _marks(pods, KNOWN_TO_ALL) == [(21, 0), (21, 1)]
    assert "The last new pod was in every worker node's rules 21.0 s after the start." in " ".join(story(found).split())


def test_of_many_new_pods_an_even_sample_is_shown() -> None:
    many = Scenario.model_validate(SCALE_OUT).with_overrides({"scale_out.to_replicas": 102})
    replication = simulate(many, estimator="sampled")
    shown = new_pods(replication)
    assert (len(shown), shown[0], shown[-1]) == (MOST_PODS, 2, 101)
    assert "an even sample of 40 of 100 new pods" in gantt(findings(replication)).get_suptitle()


def test_what_no_pod_has_takes_no_line(scaled_out: Replication) -> None:
    """No pod ends: there is no lag and no exposure, so that neither has a line of dashes."""
    lines = labelled(summarise(scaled_out.scenario, [figures_of(scaled_out)]))
    assert "without a healthy target" in lines
    assert not [value for value in lines.values() if " - " in value]


def _bars(axes: Axes, color: str) -> list[tuple[float, float]]:
    return [
        (float(path.vertices[:, 0].min()), float(path.vertices[:, 0].max()))
        for collection in axes.collections
        if to_hex(collection.get_facecolor()[0]) == color.lower()
        for path in collection.get_paths()
    ]


def _marks(axes: Axes, label: str) -> list[tuple[float, float]]:
    return [(x, y) for c in axes.collections if c.get_label() == label for x, y in c.get_offsets().tolist()]
