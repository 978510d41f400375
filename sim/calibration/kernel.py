"""How likely an observed last request is for each possible end P of an ALB node's sending.

Modelled:
- Requests come at rate λ, and their gaps survive x with probability S(x). Then the last request before P is at L with
  density λ·S(P - L). With probability E(P) there is none after DeregisterTargets; E(x) is the integral of λ·S from x
  on.
- An observation that ends at c sees P only up to c.
- The density is averaged over what is not known: the rate, and the moment of the call within its interval.
- x is counted on the clock of requests (`pace`). P is on a grid of cells, and uniform on that clock within each cell.
- So a law of P is a vector of cell masses, and one product of a matrix with it is the likelihood of every row.

Sources: docs/facts/logs.md §4; for the gaps, D. R. Cox, "Renewal Theory" (1962), section 5 (recurrence times).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.calibration.last_requests import Floats, LastRequests

N_CELLS = 240
_LEAST_LONGEST_S = 10.0
_GAPS_BEYOND = 4.0
_ROOM = 2.0
_N_AVERAGED = 16
_GOLDEN = 0.6180339887498949
_EXACT = 1e5
"""A rate from this many requests is taken as exact."""


def grid_of(requests: LastRequests) -> Floats:
    """Return the edges of cells that cover every plausible P, finer near 0; shape (cells + 1,)."""
    gap_s = _GAPS_BEYOND / np.quantile(requests.request_rate_rps, 0.25)
    seen_s = float(np.nanmax(requests.last_s, initial=_LEAST_LONGEST_S))
    longest_s = _ROOM * seen_s + min(gap_s, seen_s)
    return np.asarray(longest_s * np.linspace(0, 1, N_CELLS + 1) ** 2)


def likelihoods(requests: LastRequests, edges_s: Floats) -> Floats:
    """Return the likelihood of each row for P in each cell, shape (rows, cells)."""
    total = np.zeros((len(requests), edges_s.size - 1))
    for rate_rps, late_s in _unknowns(requests):
        seen = requests.last_s > late_s
        total[seen] += _of_seen(requests[seen], rate_rps[seen], late_s[seen], edges_s)
        total[~seen] += _of_none(requests[~seen], rate_rps[~seen], late_s[~seen], edges_s)
    return total / _N_AVERAGED


def fraction_up_to(requests: LastRequests, at_s: Floats, edges_s: Floats) -> Floats:
    """Return P(the last request is not after `at_s`) of each row for P in each cell, shape (rows, cells)."""
    middle_s = (edges_s[1:] + edges_s[:-1]) / 2
    at = requests.clock_at(at_s[:, None])
    total = np.zeros((len(requests), middle_s.size))
    for rate_rps, late_s in _unknowns(requests):
        beyond_s = requests.clock_at(late_s[:, None] + middle_s) - at
        total += _none_within(np.maximum(beyond_s, 0.0), rate_rps[:, None], requests.regularity)
    return total / _N_AVERAGED


def _unknowns(requests: LastRequests) -> list[tuple[Floats, Floats]]:
    """Return values that the rates and the delays of the calls may have, all equally likely."""
    from scipy.special import gammaincinv

    both = []
    for number in range(_N_AVERAGED):
        of_rate, of_call = (number + 0.5) / _N_AVERAGED, (0.5 + number * _GOLDEN) % 1
        shape = np.minimum(requests.shape, _EXACT)
        rate_rps = requests.request_rate_rps * gammaincinv(shape, of_rate) / shape
        both.append((np.maximum(rate_rps, 1e-12), requests.slack_s * of_call))
    return both


def _of_seen(requests: LastRequests, rate_rps: Floats, late_s: Floats, edges_s: Floats) -> Floats:
    """Return the average of λ·S(min(P, c) - L) over each cell's P ≥ L, shape (rows, cells)."""
    from scipy.special import gammaincc

    ends_s = late_s[:, None] + edges_s
    last, ends = requests.clock_at(requests.last_s[:, None]), requests.clock_at(ends_s)
    until = requests.clock_at(np.minimum(requests.until_s, ends_s[:, -1])[:, None])
    rate_rps = rate_rps[:, None]
    up_to = 1 - _none_within(np.maximum(np.minimum(ends, until) - last, 0.0), rate_rps, requests.regularity)
    without_more = gammaincc(requests.regularity, requests.regularity * rate_rps * np.maximum(until - last, 0.0))
    up_to += np.maximum(ends - until, 0.0) * rate_rps * without_more
    return np.asarray(np.diff(up_to, axis=1) / np.diff(ends, axis=1))


def _of_none(requests: LastRequests, rate_rps: Floats, late_s: Floats, edges_s: Floats) -> Floats:
    """Return the average of E(min(P, c)) over each cell, by Simpson's rule, shape (rows, cells)."""
    at_s = np.concatenate((edges_s, (edges_s[1:] + edges_s[:-1]) / 2))
    seen_s = np.minimum(late_s[:, None] + at_s, np.maximum(requests.until_s, late_s)[:, None])
    watched = requests.clock_at(seen_s) - requests.clock_at(late_s[:, None])
    none = _none_within(watched, rate_rps[:, None], requests.regularity)
    at_edges, at_middles = none[:, : edges_s.size], none[:, edges_s.size :]
    return np.asarray((at_edges[:, 1:] + at_edges[:, :-1] + 4 * at_middles) / 6)


def _none_within(x_s: Floats, rate_rps: Floats, regularity: float) -> Floats:
    """Return the probability E(x) that a stretch of x seconds, begun at a random moment, has no request."""
    from scipy.special import gammaincc

    expected = rate_rps * x_s
    if regularity == 1:
        return np.asarray(np.exp(-expected))
    scaled = regularity * expected
    none = gammaincc(regularity + 1, scaled) - expected * gammaincc(regularity, scaled)
    return np.asarray(np.clip(none, 0.0, 1.0))
