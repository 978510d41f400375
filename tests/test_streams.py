"""The random streams give what NumPy's own generator gives, one by one."""

from __future__ import annotations

from itertools import islice

import pytest

from sim.streams import Stream, Streams


@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_random_orders_in_blocks_are_those_drawn_one_by_one(size: int) -> None:
    streams = Streams(1, 0)
    orders = list(islice(streams.permutations(size, Stream.ENQUEUE_ORDER, 3), 300))
    rng = streams.generator(Stream.ENQUEUE_ORDER, 3)
    assert orders == [rng.permutation(size).tolist() for _ in range(300)]
