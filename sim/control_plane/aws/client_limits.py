"""What an AWS client counts across its calls: the retry quota, and the send rate of botocore's adaptive mode.

The standard retryers of aws-sdk-go-v2 and botocore give up retrying when a token bucket is empty. Botocore's adaptive
mode also limits the rate of all attempts, with CUBIC, once a response has been a throttle.

Modelled: both limits, one object for each client, as in the SDKs. The owner advances the state: nothing here draws a
random number, sleeps or reads a clock.

Left out:
- the higher cost of a retry after an error other than a throttle (a timeout; 10, and 14 since botocore 1.44);
- the waking of a waiting caller when the rate changes. Here a token is reserved at the rate of the moment, first come,
  first served, which is the same for a client with one worker.

Sources: botocore/retries/quota.py, adaptive.py, throttling.py and bucket.py@1.44.5; aws-sdk-go-v2 aws/ratelimit.
"""

from __future__ import annotations

import math

RETRY_COST = 5
"""How many tokens the retry of a throttled attempt takes from the quota."""

_NO_RETRY_INCREMENT = 1


class RetryQuota:
    """A bucket of retry tokens that only successful calls refill."""

    def __init__(self, capacity: int = 500) -> None:
        """Start with a full bucket."""
        self.capacity = capacity
        self.available = capacity

    def acquire(self) -> bool:
        """Take a retry's tokens and return True. With too few, take none and return False: the call then fails."""
        if self.available < RETRY_COST:
            return False
        self.available -= RETRY_COST
        return True

    def succeeded(self, *, retried: bool) -> None:
        """Put back a successful call's tokens: those of its last retry, or one token if it needed no retry."""
        self.available = min(self.capacity, self.available + (RETRY_COST if retried else _NO_RETRY_INCREMENT))


class AdaptiveRateLimiter:
    """The send rate of botocore's adaptive mode. Times are seconds on any clock that starts at or before `start_s`."""

    _SCALE = 0.4
    _BETA = 0.7
    _SMOOTHING = 0.8
    _BUCKETS_PER_S = 2
    _MIN_RATE_PER_S = 0.5
    _MAX_RATE_SCALE = 2.0

    def __init__(self, start_s: float) -> None:
        """Start without a limit: the client has not been throttled yet."""
        self.rate_per_s = 1.0
        self._enabled = False
        self._tokens = 0.0
        self._max_tokens = 1.0
        self._filled_s = start_s
        self._rate_at_throttle = 0.0
        self._throttled_s = start_s
        self._measured_per_s = 0.0
        self._bucket_s = float(math.floor(start_s))
        self._responses = 0

    def acquire(self, now_s: float) -> float:
        """Reserve a token for an attempt and return the wait until the attempt may be sent, in seconds.

        The wait is 0 as long as no response was a throttle.
        """
        if not self._enabled:
            return 0.0
        self._fill(now_s)
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate_per_s)

    def response(self, now_s: float, *, throttled: bool) -> None:
        """Take a response into account: a success lets the rate grow along a cubic, a throttle multiplies it by 0.7."""
        measured_per_s = self._measure(now_s)
        wanted_per_s = self._cut(measured_per_s, now_s) if throttled else self._cubic(now_s)
        self._fill(now_s)
        wanted_per_s = min(wanted_per_s, self._MAX_RATE_SCALE * measured_per_s)
        self.rate_per_s = max(wanted_per_s, self._MIN_RATE_PER_S)
        self._max_tokens = max(wanted_per_s, 1.0)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self._max_tokens, self._tokens + (now_s - self._filled_s) * self.rate_per_s)
        self._filled_s = now_s

    def _measure(self, now_s: float) -> float:
        bucket_s = math.floor(now_s * self._BUCKETS_PER_S) / self._BUCKETS_PER_S
        self._responses += 1
        if bucket_s > self._bucket_s:
            current_per_s = self._responses / (bucket_s - self._bucket_s)
            self._measured_per_s += self._SMOOTHING * (current_per_s - self._measured_per_s)
            self._responses = 0
            self._bucket_s = bucket_s
        return self._measured_per_s

    def _cubic(self, now_s: float) -> float:
        plateau_s = math.cbrt(self._rate_at_throttle * (1 - self._BETA) / self._SCALE)
        return self._SCALE * (now_s - self._throttled_s - plateau_s) ** 3 + self._rate_at_throttle

    def _cut(self, measured_per_s: float, now_s: float) -> float:
        self._rate_at_throttle = min(measured_per_s, self.rate_per_s) if self._enabled else measured_per_s
        self._throttled_s = now_s
        self._enabled = True
        return self._rate_at_throttle * self._BETA
