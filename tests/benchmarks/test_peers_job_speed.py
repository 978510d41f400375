"""The job on which simulators of queues can be compared, beside a plain NumPy pass over the same requests.

Poisson arrivals of 1,000 requests/s, round robin over ten targets, for 60 s; each request is classified.
`pytest -n0 -s tests/benchmarks/test_peers_job_speed.py` prints the ratios. Not part of the timed tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import run, timeline
from albsim_tests.ratios import ratios

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.data_plane.timeline import Times

    Draw = Callable[[np.random.Generator, int], Times]

RATE_RPS, TARGETS, WINDOW_S, JOBS_EACH = 1000.0, 10, 60.0, 20
LAWS: tuple[tuple[dict[str, Any], Draw], ...] = (
    ({"dist": "lognormal", "median": 0.05, "sigma": 0.8}, lambda rng, n: np.exp(-3 + 0.8 * rng.standard_normal(n))),
    ({"dist": "exponential", "mean": 0.05}, lambda rng, n: 0.05 * rng.standard_exponential(n)),
)


@pytest.mark.parametrize(("law", "draw"), LAWS, ids=["lognormal", "exponential"])
def test_the_peers_job_beside_a_plain_pass(law: dict[str, Any], draw: Draw) -> None:
    """Besides the pass there are the requests in flight at the beginning: a lognormal's may be half a minute old."""
    scene = timeline(TARGETS, complete_s=WINDOW_S)

    def job() -> int:
        return run(scene, arrival_rate_rps=RATE_RPS, service_time_s=law).n_requests

    n_requests = job()

    def plain() -> tuple[Times, np.ndarray]:
        rng = np.random.Generator(np.random.SFC64(1))
        arrival_s = np.cumsum(rng.standard_exponential(n_requests)) / RATE_RPS
        target = np.arange(n_requests) % TARGETS
        return arrival_s + draw(rng, n_requests), target

    (ratio,) = ratios(lambda: [job() for _ in range(JOBS_EACH)], {"plain": lambda: [plain() for _ in range(JOBS_EACH)]})
    assert ratio <= 2
