"""What a retry policy is: how long an AWS client waits before the retry of a throttled call.

Each AWS SDK has a retryer: exponential backoff with jitter, growing with the number of the retry. The policies are in
`retryers`, those of aws-sdk-go v1 in `aws_sdk_go`.

Modelled:
- The wait before retry k is a pure function of the policy, k (from 1) and one uniform draw u in [0, 1).
- Decorrelated jitter alone also depends on the wait before retry k - 1.
- A policy keeps no state and draws nothing.

Left out:
- which errors are retried (here every throttle is);
- Retry-After (ELB, WAF and EC2 throttles carry none);
- a client's limits on itself across calls (retry quota, adaptive rate: `client_limits`).

Sources: those of each policy, in `retryers` and `aws_sdk_go`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Retryer(ABC):
    """A retry policy. Unless a policy says otherwise, its wait is uniform over the support."""

    @property
    def max_retries(self) -> int | None:
        """The last retry for which the policy has a wait, or None if the policy has no end."""
        return None

    @abstractmethod
    def support_s(self, retry: int) -> tuple[float, float]:
        """Return the least and the greatest wait before a retry.

        Parameters
        ----------
        retry
            The number of the retry, from 1.

        Returns
        -------
        tuple of float
            The least and the greatest wait in seconds, equal if the wait is fixed. The greatest wait itself is never
            drawn where the SDK's uniform draw excludes its right end.
        """

    def wait_s(self, retry: int, u: float, _previous_s: float = 0.0, /) -> float:
        """Return the wait before a retry, in seconds.

        Parameters
        ----------
        retry
            The number of the retry, from 1.
        u
            A uniform draw from [0, 1).
        _previous_s
            The wait before the previous retry in seconds, 0 before the first.

        Returns
        -------
        float
            The wait.
        """
        low_s, high_s = self.support_s(retry)
        return low_s + u * (high_s - low_s)

    def mean_s(self, retry: int) -> float:
        """Return the mean wait before this retry, in seconds.

        Parameters
        ----------
        retry
            The number of the retry, from 1.

        Returns
        -------
        float
            In seconds.
        """
        return sum(self.support_s(retry)) / 2

    def retries(self, _code: str, /) -> bool:
        """Return whether a throttle with this AWS error code is retried at all.

        Parameters
        ----------
        _code
            The code, such as `Throttling`.

        Returns
        -------
        bool
            False if the call fails at once.
        """
        return True
