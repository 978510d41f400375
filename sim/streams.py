"""Random streams: one for each purpose and entity, so that scenarios stay comparable draw by draw.

- A stream's key is `(replication, Stream, *entity)` under the scenario's seed (`numpy.random.SeedSequence`), never a
  count of calls.
- So what one part of the model draws shifts nothing elsewhere.
- Replication k of two scenarios meets the same pods, calls and arrivals (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = 128


@unique
class Stream(IntEnum):
    """What a stream is for. Append only: a number that changes its meaning changes every result."""

    POD_STARTUP = 0
    POD_DELETION_ORDER = 1
    ENDPOINT_REMOVAL = 2
    ENDPOINT_ADDITION = 3
    API_LATENCY = 4
    API_BACKOFF = 5
    API_BACKGROUND = 6
    CHURN = 7
    FIRST_HEALTH_CHECK = 8
    DEREGISTRATION_PROPAGATION = 9
    DEREGISTRATION_LAG = 10
    REGISTRATION_LAG = 11
    ARRIVALS = 12
    ARRIVALS_BEFORE = 13
    SERVICE_TIMES = 14
    SERVICE_TIMES_BEFORE = 15
    ALB_NODE = 16
    ROUTING = 17
    DEPLOYMENT_SYNC = 18
    ALB_NODE_BEFORE = 19
    ROUTING_BEFORE = 20
    RING_ORDER = 21
    KUBE_PROXY_SYNC = 22
    KUBE_PROXY_CHOICE = 23
    KUBE_PROXY_CHOICE_BEFORE = 24
    CONTROLLER_RESTART = 30
    RESYNC = 31
    NODE_EVENTS = 32
    ENQUEUE_ORDER = 33
    LAST_CHECKED = 34
    DEFERRED_CHECK = 35
    OTHER_DEPLOYMENT = 36
    PDB_SYNC = 40
    TERMINATION_SYNC = 41
    LAST_REQUEST = 42
    POD_AGE = 43
    AFTER_TEARDOWN = 44
    CONTAINER_RESTART = 45
    CRASH_NOTICED = 46
    LIVENESS_PROBE = 47
    NODE_LOST = 48
    RECORD_CHANGE = 49
    WHICH_ALB = 50
    RULE_SEEN = 51
    RULE_LAG = 52
    RULE_PROPAGATION = 53
    PROGRESSIVE_SYNC = 54
    POD_DELETION_COST = 55
    FITTED_PARAMETER = 60
    IPAMD_PHASE = 70
    ADDRESS_LATENCY = 71
    INTERFACE_LATENCY = 72
    SANDBOX_RETRY = 73
    AUTOSCALER_SCAN = 74
    AUTOSCALER_DECISION = 75
    AUTOSCALING_GROUP_LAG = 76
    NODE_LAUNCH = 77
    IMAGE_PULL = 78
    NEW_CLUSTER = 79


class Sampler(Protocol):
    """What draws `size` values from a generator, such as a distribution of a scenario."""

    def sample(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Draw `size` values."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Every random stream of one replication."""

    seed: int
    replication: int
    prefix: tuple[int, ...] = ()

    def within(self, stream: Stream, *entity: int) -> Streams:
        """Return the streams of an entity that has every stream to itself."""
        return replace(self, prefix=(*self.prefix, int(stream), *entity))

    def generator(self, stream: Stream, *entity: int) -> np.random.Generator:
        """Return the generator of this purpose and entity, at its beginning."""
        key = (self.replication, *self.prefix, int(stream), *entity)
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def uniforms(self, stream: Stream, *entity: int) -> Iterator[float]:
        """Yield draws from [0, 1) without end, in order."""
        rng = self.generator(stream, *entity)
        while True:
            yield from rng.random(_BLOCK).tolist()

    def draws(self, law: Sampler, stream: Stream, *entity: int) -> Iterator[float]:
        """Yield draws without end, in order, for an entity that makes one draw after another."""
        rng = self.generator(stream, *entity)
        while True:
            yield from law.sample(rng, _BLOCK).tolist()

    def permutations(self, size: int, stream: Stream, *entity: int) -> Iterator[list[int]]:
        """Yield random orders of `size` things without end: those that `Generator.permutation` gives one by one."""
        rng, inorder = self.generator(stream, *entity), np.tile(np.arange(size), (_BLOCK, 1))
        while True:
            yield from rng.permuted(inorder, axis=1).tolist()

    def indexed(self, law: Sampler, stream: Stream, *entity: int) -> IndexedDraws:
        """Return draws by index: the i-th entity meets the i-th draw, in whatever order entities ask."""
        return IndexedDraws(law, self.generator(stream, *entity))


class IndexedDraws:
    """An endless sequence of draws, made as far as it is asked for."""

    def __init__(self, law: Sampler, rng: np.random.Generator) -> None:
        self._law = law
        self._rng = rng
        self._values: list[float] = []

    def __getitem__(self, index: int) -> float:
        """Return the draw of this index."""
        while index >= len(self._values):
            self._values.extend(self._law.sample(self._rng, _BLOCK).tolist())
        return self._values[index]
