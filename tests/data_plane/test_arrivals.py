"""Arrivals: their laws, their order, and that a request's draws do not depend on anything else."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from albsim_tests.data_plane import specs
from scipy import stats

from sim.data_plane.arrivals import Block, RequestSource
from sim.streams import Streams

STREAMS = Streams(8, 0)


def source(*, nodes: int = 2, before: bool = False, streams: Streams = STREAMS, **at: Any) -> RequestSource:
    return RequestSource(specs(**at)[0], nodes=nodes, streams=streams, before=before)


def columns(block: Block) -> list[list[float]]:
    return [block.arrival_s.tolist(), block.service_s.tolist(), block.node.tolist()]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("arrivals", ["poisson", "even"])
def test_where_blocks_end_does_not_change_a_bit(arrivals: str, *, before: bool) -> None:
    law = {"dist": "lognormal", "median": 1, "sigma": 1}
    whole = source(arrivals=arrivals, before=before, service_time_s=law).take(100)
    split = source(arrivals=arrivals, before=before, service_time_s=law)
    blocks = [columns(split.take(size)) for size in (1, 2, 30, 67)]
    assert [list(chain(*parts)) for parts in zip(*blocks, strict=True)] == columns(whole)


def test_poisson_gaps_are_exponential() -> None:
    """Kolmogorov-Smirnov at a fixed seed: rejects a true law with probability 0.001."""
    gaps = np.diff(source(arrival_rate_rps=20.0).take(20_000).arrival_s, prepend=0)
    assert stats.kstest(gaps, "expon", args=(0, 1 / 20)).pvalue > 0.001


def test_even_arrivals_have_one_random_phase_and_no_gap_at_the_start() -> None:
    after = source(arrivals="even", arrival_rate_rps=4.0).take(5).arrival_s
    before = source(arrivals="even", arrival_rate_rps=4.0, before=True).take(5).arrival_s
    assert np.diff(np.concatenate((before[::-1], after))) == pytest.approx(np.full(9, 0.25))
    assert before[0] < 0 <= after[0] < 0.25
    phases = [source(arrivals="even", streams=Streams(1, k)).take(1).arrival_s[0] * 50 for k in range(200)]
    assert stats.kstest(phases, "uniform").pvalue > 0.001


def test_the_past_runs_backwards_with_draws_of_its_own() -> None:
    past, future = source(before=True).take(1000), source().take(1000)
    assert (np.diff(past.arrival_s) < 0).all()
    assert past.arrival_s[0] < 0
    assert past.arrival_s.tolist() != (-future.arrival_s).tolist()
    assert past.node.tolist() != future.node.tolist()


def test_nodes_are_equally_likely() -> None:
    counts = np.bincount(source(nodes=3).take(30_000).node, minlength=3)
    assert stats.chisquare(counts).pvalue > 0.001
    assert source(nodes=1).take(10).node.tolist() == [0] * 10


def test_at_node_gives_each_nodes_requests_in_order() -> None:
    block = Block(np.arange(5.0), np.zeros(5), np.array([1, 0, 1, 1, 0], np.int16))
    assert [block.at_node(node, 3).tolist() for node in range(3)] == [[1, 4], [0, 2, 3], []]


def test_twice_the_rate_is_the_same_requests_in_half_the_time() -> None:
    slow, quick = (source(arrival_rate_rps=rate).take(100) for rate in (8.0, 16.0))
    assert (quick.arrival_s * 2).tolist() == slow.arrival_s.tolist()
    assert quick.service_s.tolist() == slow.service_s.tolist()
    assert quick.node.tolist() == slow.node.tolist()
