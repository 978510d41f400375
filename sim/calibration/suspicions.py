"""What in the records themselves says that the measured propagation may be wrong.

Modelled:
- Each check looks at the rows as the fitted law sees them. Under the right model a row's last request is at a uniform
  rank among those that it could have had.
- Ranks may not be uniform, may be shared by the targets of one call, or may gather at zero. Each such departure has a
  cause.
- What the records cannot show is said as well.

Sources: docs/facts/logs.md §4, "Caveats"; the ranks are those of Cox and Snell, "A general definition of residuals"
(1968).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.kernel import fraction_up_to
from sim.calibration.last_requests import POISSON

if TYPE_CHECKING:
    from sim.calibration.last_requests import Floats, LastRequests
    from sim.calibration.likelihood import Fit

_LEAST_P = 0.01
_FEWEST_REQUESTS = 4.0
_FEWEST_SEEN = 1.0
_MANY = 0.2
_WHOLE_SECOND = 1.0
_SHARED = 0.3
_LEAST_PAIRS = 10
_MANY_AT_ONCE = 0.05


def suspicions(requests: LastRequests, best: Fit, edges_s: Floats, *, seed: int) -> list[str]:
    """Return in words what is doubtful, the gravest first."""
    rank = _ranks(requests, best, edges_s, np.random.default_rng(seed))
    found = [
        _misfit(requests, rank),
        _clock(requests),
        _shared_delay(requests, rank),
        _few_requests(requests, best),
        _unknown_rate(requests),
        _regular(requests),
        _cut_short(requests, best),
        _whole_seconds(requests, best),
    ]
    return [words for words in found if words]


def _ranks(requests: LastRequests, best: Fit, edges_s: Floats, rng: np.random.Generator) -> Floats:
    """Return the rank of each row's last request, in [0, 1]; NaN where the observation ended too early to say.

    A row without a request has a random one of the ranks that it may have.
    """
    masses = best.masses(edges_s)
    watched = requests.until_s >= best.quantile(0.99)
    at_s = np.where(requests.last_s > 0, requests.last_s, 0.0)
    rank = fraction_up_to(requests, at_s, edges_s) @ masses
    rank = np.where(requests.last_s > 0, rank, rank * rng.random(rank.size))
    return np.where(watched, np.clip(rank, 0.0, 1.0), np.nan)


def _misfit(requests: LastRequests, rank: Floats) -> str:
    """Return a warning if the ranks of one row of each call are not uniform. Rows of one call may be alike."""
    from scipy.stats import kstest

    known = np.flatnonzero(np.isfinite(rank))
    _, first = np.unique(requests.call[known], return_index=True)
    one_each = known[first] if first.size >= _LEAST_PAIRS else known
    if one_each.size < _LEAST_PAIRS or kstest(rank[one_each], "uniform").pvalue >= _LEAST_P:
        return ""
    return (
        "The fitted law does not explain the last requests (Kolmogorov-Smirnov, p < 1 %): its family may be wrong, "
        "or the clocks may be apart. Look at the picture, and take the law without a family."
    )


def _clock(requests: LastRequests) -> str:
    """Return a warning if after some calls no node sent anything, though some requests were due at once."""
    expected = requests.request_rate_rps * 2.0
    likely = expected > _FEWEST_REQUESTS
    if likely.sum() < _LEAST_PAIRS or np.mean(~(requests.last_s[likely] > 0)) < _MANY_AT_ONCE:
        return ""
    return (
        "Some ALB nodes stopped before DeregisterTargets, though their targets had requests until then: the clock of "
        "the calls may be late, or the pods were dead. Each second moves the whole law by a second."
    )


def _shared_delay(requests: LastRequests, rank: Floats) -> str:
    from scipy.special import ndtri

    score = ndtri(np.clip(rank, 0.001, 0.999))
    pairs = []
    for call in np.unique(requests.call):
        of_call = score[(requests.call == call) & np.isfinite(score)]
        if of_call.size > 1:
            n_pairs = of_call.size * (of_call.size - 1)
            pairs.append((float(of_call.sum() ** 2 - np.square(of_call).sum()), n_pairs))
    n_pairs = sum(n for _, n in pairs)
    if len(pairs) < 2 or n_pairs < _LEAST_PAIRS or sum(product for product, _ in pairs) / n_pairs < _SHARED:  # noqa: PLR2004 - a pair
        return ""
    return (
        "Targets of one DeregisterTargets call leave at like times. The model draws each one's delay for itself, so "
        "that a simulated rollout is more even than yours. The interval allows for it as far as so few calls can show "
        "it; its upper end may be higher."
    )


def _few_requests(requests: LastRequests, best: Fit) -> str:
    expected = float(np.median(requests.request_rate_rps)) * best.quantile(0.5)
    if expected >= _FEWEST_SEEN:
        return ""
    return (
        f"There are few requests: {expected:.2g} for each node and target in the median delay. The law rests on its "
        "family more than on what was seen."
    )


def _unknown_rate(requests: LastRequests) -> str:
    if float(np.median(requests.shape)) >= _FEWEST_REQUESTS:
        return ""
    return "The request rate of each node and target is hardly known: give records of more minutes before the rollouts."


def _regular(requests: LastRequests) -> str:
    if requests.regularity == POISSON:
        return ""
    return (
        f"Requests come more evenly than by chance (gaps of a gamma law of shape {requests.regularity:.2g}, as round "
        "robin gives). The estimate allows for this, as if it stayed so during the rollout."
    )


def _cut_short(requests: LastRequests, best: Fit) -> str:
    share = float(np.mean(requests.until_s < best.quantile(0.95)))
    if share < _MANY:
        return ""
    return (
        f"{100 * share:.0f} % of the observations ended before most nodes would have stopped (a pod died, or a file "
        "is missing): the upper quantiles are the family's more than the records'."
    )


def _whole_seconds(requests: LastRequests, best: Fit) -> str:
    if float(np.median(requests.slack_s)) < _WHOLE_SECOND or best.quantile(0.5) > 10 * _WHOLE_SECOND:
        return ""
    return (
        "DeregisterTargets is known to a whole second only, which is much for so short a delay. From v2.0 on the "
        "controller's log has the moment exactly, by `kubectl logs --timestamps`."
    )
