"""The two estimators agree: over timelines drawn at random the p-values of their difference are uniform.

Each scenario is sampled 16 times; under the truth of both, t = mean difference / its standard error follows Student's
law. Uniformity is tested by Kolmogorov-Smirnov at a fixed seed, which rejects a true hypothesis with probability 0.01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import run, specs
from scipy import stats

from sim.data_plane.expected import expect_requests
from sim.data_plane.outcomes import Outcome
from sim.verification.drawn_requests import (
    LAWS,
    behind_workers,
    beside_a_new_side,
    drawn_side,
    drawn_timeline,
    with_leaving_workers,
)

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

SCENARIOS = 200
REPLICATIONS = 16
FEWEST = 30


def values(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "arrival_rate_rps": float(rng.choice([5, 40, 300])),
        "arrivals": str(rng.choice(["poisson", "even"])),
        "routing": str(rng.choice(["round_robin", "random"])),
        "service_time_s": LAWS[int(rng.integers(len(LAWS)))],
        "idle_timeout_s": float(rng.choice([1.5, 60])),
        "sandbox_teardown_s": float(rng.choice([0, 1, 20])),
        "client_timeout_s": (None, None, 1.0, 4.0)[rng.integers(4)],
        "target_type": str(rng.choice(["ip", "ip", "ip", "instance"])),
        "slow_start_s": float(rng.choice([0, 10])),
        "cold_factor": float(rng.choice([1, 3])),
        "warm_up_s": float(rng.choice([2, 8])),
    }


def p_values(scene: Timeline, at: dict[str, Any], seed: int) -> dict[str, float]:
    """Return a p-value for each outcome that is seen often enough for Student's law, and for all 502s.

    A seed of its own: with common random numbers the scenarios' p-values would depend on each other. Counts
    of which nearly all are the same are far from Student's law: each is spread evenly over half a request to each side.
    """
    traffic, pod, target_group = specs(**at)
    expected = expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group).counts
    sampled = np.array([run(scene, seed=seed, replication=k, **at).counts for k in range(REPLICATIONS)], float)
    spread = np.random.default_rng((13, seed)).uniform(-0.5, 0.5, REPLICATIONS)
    in_502 = [outcome for outcome in Outcome if outcome.status == 502]
    columns = {outcome.name: [outcome] for outcome in Outcome} | {"502": in_502}
    result = {}
    for name, outcomes in columns.items():
        seen = sampled[:, outcomes].sum(axis=1)
        if seen.sum() >= FEWEST:
            result[name] = float(stats.ttest_1samp(seen + spread, expected[outcomes].sum()).pvalue)
    return result


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Timeline, dict[str, Any], dict[str, float]]]:
    result = []
    for k in range(SCENARIOS):
        rng = np.random.default_rng((12, k))
        scene, at = drawn_timeline(rng), values(rng)
        if at["target_type"] == "instance" or at["routing"] == "random":
            del at["slow_start_s"]
        if at["target_type"] == "instance":
            scene, at["instances"] = behind_workers(scene), scene.registered_from_s.shape[0]
            if k % 2:
                scene = with_leaving_workers(scene, 2, rng)
        elif k % 3 == 0:
            scene = beside_a_new_side(scene, drawn_side(rng, scene.registered_from_s.shape[0]))
        result.append((scene, at, p_values(scene, at, seed=k)))
    return result


@pytest.mark.slow
@pytest.mark.parametrize(
    "outcome", ["502", *(outcome.name for outcome in Outcome if outcome.name != "KEEP_ALIVE_RACE")]
)
def test_p_values_are_uniform(drawn: Any, outcome: str) -> None:
    p = [of[outcome] for _, _, of in drawn if outcome in of]
    assert len(p) >= 8
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert min(p) > 0.01 / len(p)
