"""Rollouts drawn from a known law, request by request, as an access log would show them: the oracle of calibration.

Nothing of `sim.calibration` but the form of its input and what it knows of rates is used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.calibration.last_requests import LastRequests
from sim.calibration.rates import regularity_of, shrunk

MEDIAN_S, P95_S = 10.0, 20.0
SIGMA = np.log(P95_S / MEDIAN_S) / 1.6448536269514722
BEFORE_S = 120.0
AFTER_S = 200.0
NODES = 2


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How the records come about. 25 calls of two targets at two ALB nodes are 100 pairs."""

    rate_rps: float
    calls: int = 25
    targets: int = 2
    calls_per_rollout: int = 5
    law: str = "lognormal"
    shared: bool = False
    round_robin: int = 1
    rate_known: bool = False
    rates_differ: bool = False
    whole_seconds: bool = False
    missing: float = 0.0
    clock_s: float = 0.0
    dies_after_s: float = np.inf
    drawn_to_the_dead: float = 1.0


def delays(truth: Truth, rng: np.random.Generator) -> np.ndarray:
    """Draw the delay of each call, target and node; median and 95 % quantile are 10 and 20 s but for `two kinds`."""
    shape = (truth.calls, truth.targets, NODES)
    size = (truth.calls, 1, 1) if truth.shared else shape
    if truth.law == "gamma":
        from scipy.stats import gamma

        drawn = gamma.ppf(rng.random(size), GAMMA_SHAPE, scale=MEDIAN_S / gamma.ppf(0.5, GAMMA_SHAPE))
    elif truth.law == "two kinds":
        slow = rng.random(size) < 0.3
        drawn = np.where(slow, 20.0, 6.0) * np.exp(0.1 * rng.standard_normal(size))
    else:
        drawn = MEDIAN_S * np.exp(SIGMA * rng.standard_normal(size))
    return np.broadcast_to(drawn, shape)


GAMMA_SHAPE = 4.693425422939826
"""At it the 95 % quantile of a gamma law is twice its median."""


def arrivals(truth: Truth, rate_rps: float, from_s: float, until_s: float, rng: np.random.Generator) -> np.ndarray:
    """Draw requests at one node to one target: with round robin over n targets, every n-th of a Poisson stream."""
    n = truth.round_robin
    count = rng.poisson((until_s - from_s) * rate_rps * n)
    return np.sort(rng.uniform(from_s, until_s, count))[int(rng.integers(n)) :: n]


def drawn(truth: Truth, rng: np.random.Generator) -> LastRequests:
    """Draw the records of some rollouts, and what a log would show of them."""
    delay_s = delays(truth, rng)
    rows: list[tuple[float, float, float, float, int]] = []
    before: list[np.ndarray] = []
    for call in range(truth.calls):
        offset_s = rng.random() if truth.whole_seconds else 0.0
        for target in range(truth.targets):
            rate_rps = truth.rate_rps * (rng.gamma(2.0, 0.5) if truth.rates_differ else 1.0)
            at_nodes = [arrivals(truth, rate_rps, -BEFORE_S, AFTER_S, rng) for _ in range(NODES)]
            sent = [times_s[times_s < delay_s[call, target, node]] for node, times_s in enumerate(at_nodes)]
            sent = [
                with_the_drawn(truth, rate_rps, times_s, end_s, rng)
                for times_s, end_s in zip(sent, delay_s[call, target], strict=True)
            ]
            dead_s = min(times_s[times_s >= truth.dies_after_s].min(initial=np.inf) for times_s in sent)
            for times_s in sent:
                # The log counts from the moment that it takes for the call's.
                seen_s = times_s + offset_s + truth.clock_s
                end_s = dead_s + offset_s + truth.clock_s
                if rng.random() < truth.missing:
                    end_s = min(end_s, rng.uniform(0, 40))
                after_s = seen_s[(seen_s >= 0) & (seen_s <= end_s)]
                before.append(seen_s[seen_s < 0])
                rows.append((after_s.max(initial=-np.inf), end_s, rate_rps, float((seen_s < 0).sum()), call))
    last_s, until_s, true_rate, count, call = (np.array(column) for column in zip(*rows, strict=True))
    rollout = call // truth.calls_per_rollout
    shape, rate_s = shrunk(count, np.full(count.size, BEFORE_S), rollout)
    return LastRequests(
        last_s=np.where(np.isfinite(last_s), last_s, np.nan),
        until_s=until_s,
        slack_s=np.full(last_s.size, float(truth.whole_seconds)),
        shape=true_rate * 1e7 if truth.rate_known else shape,
        rate_s=np.full(last_s.size, 1e7) if truth.rate_known else rate_s,
        call=call,
        rollout=rollout,
        regularity=regularity_of(before),
    )


def with_the_drawn(
    truth: Truth, rate_rps: float, sent_s: np.ndarray, end_s: float, rng: np.random.Generator
) -> np.ndarray:
    """Add the requests that a dead target draws to itself, as with least outstanding requests."""
    if truth.drawn_to_the_dead == 1.0 or end_s <= truth.dies_after_s:
        return sent_s
    more = rng.poisson((truth.drawn_to_the_dead - 1) * rate_rps * (end_s - truth.dies_after_s))
    return np.sort(np.concatenate((sent_s, rng.uniform(truth.dies_after_s, end_s, more))))
