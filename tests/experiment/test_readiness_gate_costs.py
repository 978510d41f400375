"""What a readiness gate protects and what it does not: the same rollouts with and without it, draw for draw.

Oracle: a gated pod waits for a first health check, up to 15 s, and for the controller's seeing it, every 15 s. The
terminating side knows no gate, so that each old target stays as long in rotation as without.
"""

from __future__ import annotations

import numpy as np
import pytest

from sim.experiment.figures import (
    ANY_502,
    EXPOSURE_S,
    GATE_WAIT_S,
    RESPONSES,
    ROLLOUT_S,
    Figures,
)
from sim.experiment.figures_of_healthy_targets import LEAST_HEALTHY_TARGETS
from sim.experiment.replication import simulate
from sim.experiment.summary import summarise
from sim.report.short import short_report

REPLICAS, STARTUP_S = 12, 10


def _rollouts(make_scenario, version: str, *, gate: bool) -> list[Figures]:
    scenario = make_scenario(
        deployment__replicas=REPLICAS,
        deployment__max_surge="100%",
        deployment__max_unavailable=0,
        pod__startup_s=STARTUP_S,
        pod__readiness_gate=gate,
        controller__version=version,
    )
    return [simulate(scenario, replication=number, estimator="expected").figures() for number in range(8)]


@pytest.mark.parametrize("version", ["v1.1.9", "v2.9.0", "v2.13", "v3.2"])
def test_it_protects_the_start_slows_the_rollout_and_leaves_the_end_as_it_is(make_scenario, version: str) -> None:
    gated, ungated = (_rollouts(make_scenario, version, gate=gate) for gate in (True, False))
    for with_gate, without in zip(gated, ungated, strict=True):
        assert without[ROLLOUT_S] < STARTUP_S + 1
        assert 5 < with_gate[ROLLOUT_S] - without[ROLLOUT_S] < 15 + 2 * 15 + 5
        assert with_gate[LEAST_HEALTHY_TARGETS] == REPLICAS, "no old target goes before a new one is healthy"
        assert with_gate[ANY_502] > 0.999
    assert min(figures[LEAST_HEALTHY_TARGETS] for figures in ungated) < REPLICAS
    assert _mean_exposure_s(gated) == pytest.approx(_mean_exposure_s(ungated), abs=1)
    # More healthy targets share the traffic, so that a dead one gets less of it: at most by the factor of two that a
    # full surge can make, which is far from none.
    n_502 = [float(np.mean([figures[RESPONSES[502]] for figures in rollouts])) for rollouts in (gated, ungated)]
    assert 0.5 < n_502[0] / n_502[1] < 1


def _mean_exposure_s(rollouts: list[Figures]) -> float:
    return float(np.mean([figures[EXPOSURE_S] for figures in rollouts]))


def test_each_pods_wait_for_its_gate_is_a_figure_where_there_are_gates(make_scenario) -> None:
    """Registered 3 s after its containers are ready and healthy at once; of no gate there is nothing to tell."""
    given = make_scenario(
        controller={"version": "fixed_lag", "deregistration_lag_s": 1, "registration_lag_s": 3},
        target_group__health_check=None,
        pod__readiness_gate=True,
        deployment__replicas=3,
    )
    gated = simulate(given).figures()
    assert gated[GATE_WAIT_S] == pytest.approx([3, 3, 3])
    summary = summarise(given, [gated])
    assert summary.as_json()["gate_wait_s"]["p50"] == pytest.approx(3)
    assert "a gate opens, once ready, after  half 3.00 s" in short_report(summary)
    assert GATE_WAIT_S.name not in simulate(given.with_overrides({"pod.readiness_gate": False})).figures().values
