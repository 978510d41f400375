"""A switch of clusters by hand: clients one by one, each with a cache and perhaps an open connection.

How many clients ask the old load balancer at some moment is compared with the share that the data plane reckons with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.data_plane.old_side import OldSide
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.verification.checks import of_fraction
from sim.verification.reference.old_side_twin import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.verification.checks import Check

CLIENTS = 4000
CHANGED_S, DELETED_S = 20.0, 600.0
AT_S = (10.0, 40.0, 300.0, 599.0, 601.0)
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("TTL 60 s, 30 % hold on", {"stale_fraction": 0.3}),
    (
        "5 % pinned, half kept alive for 400 s",
        {"pinned_fraction": 0.05, "kept_alive_fraction": 0.5, "client_keep_alive_s": 400, "record_ttl_s": 100},
    ),
)


def old_clients() -> Iterator[Check]:
    """Check the share of requests that go to the old ALB against clients drawn one by one."""
    for number, (settings, keys) in enumerate(SETTINGS):
        spec = ClusterSwitchSpec.model_validate(keys)
        side = OldSide(spec=spec, nodes=1, changed_s=CHANGED_S, deleted_s=DELETED_S)
        rng = np.random.default_rng((502, number))
        clients = [Client.drawn(side, rng) for _ in range(CLIENTS)]
        for at_s in AT_S:
            asks = [client.asks_old(side, at_s) for client in clients]
            share = float(side.share(np.array([at_s]))[0])
            yield of_fraction(
                "requests at the old ALB = its share of clients", f"{settings}, at {at_s:g} s", share, asks
            )


CHECKS = (old_clients,)
