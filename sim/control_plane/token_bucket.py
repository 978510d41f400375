"""A token bucket: capacity, a steady refill, one token a call.

Modelled: the continuous form that AWS describes for its API throttling, and that golang.org/x/time/rate implements for
the clients of Kubernetes. AWS refuses when a bucket is empty (`take_from_each`). A client-side limiter makes its caller
wait (`reserve`).

Left out: the granularity of AWS's refill, which is not published. Here the refill is continuous.

Sources: "token bucket algorithm", Elastic Load Balancing user guide, elb-api-throttling.
"""

# ruff: noqa: SLF001 - `take_from_each` is of this module, beside the class

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE = 1 - 1e-9
"""A token that lacks no more than a rounding error is whole: a client that keeps the bucket's rate is never refused."""


class TokenBucket:
    """Tokens that refill at `refill_per_s` up to `capacity`; full at the beginning."""

    __slots__ = ("_at_s", "_tokens", "capacity", "refill_per_s")

    def __init__(self, capacity: float, refill_per_s: float, *, at_s: float = 0.0) -> None:
        self.capacity = capacity
        self.refill_per_s = refill_per_s
        self._tokens = capacity
        self._at_s = at_s

    def tokens(self, now_s: float) -> float:
        """Return the tokens in the bucket, negative where callers have reserved ahead."""
        if now_s > self._at_s:
            tokens = self._tokens + (now_s - self._at_s) * self.refill_per_s
            self._tokens = tokens if tokens < self.capacity else self.capacity  # noqa: FURB136 - a third of min's time
            self._at_s = now_s
        return self._tokens

    def take(self, now_s: float) -> None:
        """Take a token, even if the bucket is empty."""
        self._tokens = self.tokens(now_s) - 1

    def reserve(self, now_s: float) -> float:
        """Take a present or future token, and return the seconds to wait for it (first come, first served)."""
        self.take(now_s)
        return 0.0 if self._tokens >= 0 else -self._tokens / self.refill_per_s


def take_from_each(buckets: Iterable[TokenBucket], now_s: float) -> bool:
    """Take a token from each bucket and return True; or take none and return False if any of them is empty."""
    for bucket in buckets:
        # `tokens`, written out: every attempt of every call comes here.
        since_s = now_s - bucket._at_s
        if since_s > 0:
            tokens = bucket._tokens + since_s * bucket.refill_per_s
            bucket._tokens = tokens if tokens < bucket.capacity else bucket.capacity  # noqa: FURB136 - as in `tokens`
            bucket._at_s = now_s
        if bucket._tokens < WHOLE:
            return False
    for bucket in buckets:
        bucket._tokens -= 1
    return True
