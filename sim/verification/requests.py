"""Requests by hand: a rollout of four pods, one by one, whose counts have closed forms.

- Each old pod is deleted 0.1 s after its successor is registered. So five targets are routable, each with a fifth of
  the requests.
- The old pod's target leaves the rotation `lag` seconds after the deletion. SIGTERM comes `preStop` seconds after the
  deletion.
- Requests come as a Poisson stream of `RATE_RPS`, at one ALB node.
- A pod is sent `r` requests per second, with service times S. Of the pod's requests r E[(S - x)+] are in flight that
  came more than x seconds ago. S is cut at `CAP_S`, so that all requests in flight came while the share was a fifth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import ANY_502, OUTCOMES, REQUESTS
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario
from sim.verification.checks import of_fraction, of_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.experiment.figures import Figures
    from sim.verification.checks import Check

RATE_RPS = 50.0
PODS = 4
SENT = PODS * RATE_RPS / (PODS + 1)
"""Requests per second of routable time that all old pods of a rollout together are sent."""
MEAN_S, CAP_S = 2.0, 11.0
EXPONENTIAL = {"dist": "exponential", "mean": MEAN_S, "max": CAP_S}
ROLLOUTS = 250


def refused() -> Iterator[Check]:
    """Check that refused = share x (lag - preStop)+, and the requests after the address is gone."""
    for lag_s, pre_stop_s in ((10, 0), (10, 4), (10, 10), (4, 10)):
        theory = SENT * max(0, lag_s - pre_stop_s)
        settings = f"lag {lag_s} s, preStop {pre_stop_s} s"
        counts = _counts(Outcome.CONNECT_REFUSED, _rollout(lag_s, pre_stop_s))
        yield of_mean("refused = rate x share x (lag - preStop)+", settings, theory, counts)
    uniform = {"dist": "uniform", "low": 0, "high": 10}
    counts = _counts(Outcome.CONNECT_REFUSED, _rollout(uniform, 4, samples=3))
    yield of_mean("the same, expected over a random lag", "lag U(0, 10) s, preStop 4 s", SENT * 6**2 / 20, counts)
    gone = _rollout(10, 2, {"pod.sandbox_teardown_s": 3})
    claim = "no host = rate x share x (lag - preStop - teardown)+"
    counts = _counts(Outcome.HOST_UNREACHABLE, gone)
    yield of_mean(claim, "lag 10 s, preStop 2 s, teardown 3 s", SENT * 5, counts)


def leaving_by_health_check() -> Iterator[Check]:
    """Check the end by the second failing health check, without a deregistration in time: uniform on 5 to 10 s."""
    by_check = {
        "target_group.health_check": {"interval_s": 5, "unhealthy_threshold": 2},
        "pod.pre_stop_fails_health_check": True,
        "deployment.min_ready_s": 5,
    }
    counts = _counts(Outcome.CONNECT_REFUSED, _rollout(100, 7, by_check))
    settings = "checks every 5 s, 2 to fail, preStop 7 s"
    yield of_mean("refused until the failing health check", settings, SENT * 3**2 / 10, counts)


def in_flight() -> Iterator[Check]:
    """Check that the number in flight at a cut = rate x mean residual."""
    for lag_s, law, mean_s in (
        (20, "exponential", MEAN_S * (1 - math.exp(-CAP_S / MEAN_S))),
        (11, "exponential", _residual_s(1)),
        (10, "uniform", 4**2 / 12),
    ):
        service = EXPONENTIAL if law == "exponential" else {"dist": "uniform", "low": 0, "high": 6}
        cut = _rollout(lag_s, 12, {"traffic.service_time_s": service})
        settings = f"{law} service, the last sent {max(0, 12 - lag_s)} s before"
        counts = _counts(Outcome.CLOSED_IN_FLIGHT, cut)
        yield of_mean("cut by the exit = rate x mean residual", settings, SENT * mean_s, counts)
    for pre_stop_s, left_s in ((12.0, 3.0), (12.7, 3.0), (14.5, 2.0), (20.0, 2.0)):
        spec = {"pod.on_sigterm": "drain", "pod.termination_grace_period_s": 15, "traffic.service_time_s": EXPONENTIAL}
        counts = _counts(Outcome.CLOSED_IN_FLIGHT, _rollout(20, pre_stop_s, spec))
        settings = f"preStop {pre_stop_s:g} s, grace 15 s: {left_s:g} s left"
        claim = "lost at SIGKILL = in flight x exp(-left / mean)"
        yield of_mean(claim, settings, SENT * _residual_s(left_s), counts)


def cut_by_the_load_balancer() -> Iterator[Check]:
    """Check the losses at the drain deadline, and of requests that take longer than the idle timeout."""
    spec = {"target_group.deregistration_delay_s": 2, "traffic.service_time_s": EXPONENTIAL}
    counts = _counts(Outcome.DEREGISTRATION_DELAY_ELAPSED, _rollout(11, 25, spec))
    claim = "lost at the drain deadline = in flight x exp(-delay / mean)"
    yield of_mean(claim, "exponential service, delay 2 s", SENT * _residual_s(2), counts)
    spec = {"target_group.idle_timeout_s": 3, "traffic.service_time_s": {"dist": "exponential", "mean": MEAN_S}}
    figures = list(_rollout(0, 25, spec))
    window_s = PODS * 15.1 + 25 + 60
    settings = f"timeout 3 s, window {window_s:g} s"
    late = math.exp(-3 / MEAN_S)
    counts = _counts(Outcome.IDLE_TIMEOUT, figures)
    theory = RATE_RPS * (window_s + 3) * late
    yield of_mean("504 = rate x (window + timeout) x exp(-timeout / mean)", settings, theory, counts)
    theory = RATE_RPS * (window_s + MEAN_S * (1 - late))
    requests = [rollout[REQUESTS] for rollout in figures]
    yield of_mean("requests = rate x window + in flight before", settings, theory, requests)


def any_at_all() -> Iterator[Check]:
    """Check the fraction of rollouts with a 502: 1 - exp(-mean), where requests are thinned at random."""
    changes = {"deployment.replicas": 1, "target_group.routing": "random", "traffic.arrival_rate_rps": 10}
    mean = 10 / 2 * (0.2 + 0.05)
    happened = [figures[ANY_502] > 0 for figures in _rollout(0.2, 0, changes, samples=4)]
    settings = f"lag 0.2 s, constant service 0.05 s, mean {mean:g}"
    yield of_fraction("rollouts with a 502 = 1 - exp(-mean)", settings, 1 - math.exp(-mean), happened)


def _residual_s(x_s: float) -> float:
    """Return E[(S - x)+] of the capped exponential."""
    return MEAN_S * (math.exp(-x_s / MEAN_S) - math.exp(-CAP_S / MEAN_S))


def _counts(outcome: Outcome, rollouts: Iterable[Figures]) -> list[float]:
    return [figures[OUTCOMES[outcome]] for figures in rollouts]


def _rollout(
    lag_s: object, pre_stop_s: float, changes: dict[str, Any] | None = None, *, samples: int = 1
) -> Iterator[Figures]:
    """Yield the figures of rollouts of the pods, one by one, with these lags."""
    base = Scenario.model_validate(
        {
            "name": "verify",
            "seed": 502,
            "traffic": {"arrival_rate_rps": RATE_RPS, "service_time_s": 0.05},
            "deployment": {"replicas": PODS, "max_surge": 1, "max_unavailable": 0, "sync_latency_s": 0.1},
            "pod": {
                "startup_s": 15,
                "pre_stop_sleep_s": pre_stop_s,
                "termination_grace_period_s": 30,
                "on_sigterm": "exit",
                "sandbox_teardown_s": 60,
            },
            "controller": {"version": "fixed_lag", "deregistration_lag_s": lag_s, "registration_lag_s": 0},
            "target_group": {"alb_nodes": 1, "propagation_s": 0, "health_check": None},
        }
    )
    scenario = base.with_overrides(changes or {})
    return (
        simulate(scenario, replication=number, estimator="sampled").figures() for number in range(samples * ROLLOUTS)
    )


CHECKS = (refused, leaving_by_health_check, in_flight, cut_by_the_load_balancer, any_at_all)
