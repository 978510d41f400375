"""Random controllers and accounts, for random rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.scenario.releases import RELEASES, V1_VERSIONS, LoadBalancerControllerRelease, release_of
from sim.verification.draws import chance, one

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

BINDING_VERSIONS = [
    release.since if release.since.count(".") > 1 else f"{release.since}.0"
    for release in RELEASES
    if isinstance(release, LoadBalancerControllerRelease)
]
RETRYERS = [
    *("published-repeat", "published-double", "aws-sdk-go-1.12", "aws-sdk-go-1.23.13", "aws-sdk-go-1.23.22"),
    *("aws-sdk-go-v2", "botocore-legacy", "botocore-standard", "full-jitter", "equal-jitter", "decorrelated-jitter"),
]


def fixed_lag(rng: np.random.Generator) -> dict[str, Any]:
    """Return a controller with lags of a uniform law."""
    lag = {"dist": "uniform", "low": 0, "high": one(rng, 1, 60)}
    return {"version": "fixed_lag", "deregistration_lag_s": lag, "registration_lag_s": lag}


def controller(rng: np.random.Generator, *, ingresses: bool) -> dict[str, Any]:
    """Return a controller of v1."""
    version = one(rng, *V1_VERSIONS)
    listeners = int(rng.integers(1, 4))
    spec = {
        "version": version,
        "aws_max_retries": one(rng, 0, 1, 2, 4, 10),
        "max_concurrent_reconciles": one(rng, 1, 1, 2, 5) if release_of(version).has_workers_flag else 1,
        "listeners": listeners,
        "https_listeners": int(rng.integers(0, listeners + 1)),
    }
    if ingresses:
        spec |= {"ingresses": one(rng, 1, 1, 2, 6), "target_groups": one(rng, 1, 1, 2, 5)}
    return spec | _faults(rng)


def binding_controller(rng: np.random.Generator, *, ingresses: bool) -> dict[str, Any]:
    """Return a controller of v2 or v3."""
    spec = controller(rng, ingresses=ingresses) | {"version": one(rng, *BINDING_VERSIONS)}
    spec["max_concurrent_reconciles"] = one(rng, 1, 2, 3, 3, 3)
    if not release_of(spec["version"]).shares_requeue_bucket:
        spec["max_backoff_s"] = one(rng, None, None, 0.05, 10)
    if chance(rng, 0.3):
        rules = ("^RegisterTargets|^DeregisterTargets", "^Describe.*", ".*")
        limited = [f"Elastic Load Balancing v2:{rule}={rng.uniform(0.5, 5):.2f}:{one(rng, 1, 5)}" for rule in rules]
        spec["aws_api_throttle"] = ",".join(limited[: int(rng.integers(1, 4))])
    return spec


def other_clusters(rng: np.random.Generator, drawn: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the other clusters of the account, with such controllers."""
    return [
        {
            "ingresses": one(rng, 1, 2, 4),
            "churn_per_s": float(rng.uniform(0, 0.5)),
            "controller": drawn(rng, ingresses=False),
        }
        for _ in range(one(rng, 0, 0, 1, 2))
    ]


def _faults(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "restart_at_s": one(rng, None, None, float(rng.uniform(0, 60))),
        "restart_takes_s": {"dist": "uniform", "low": 0, "high": one(rng, 0.1, 40)},
        "sync_period_s": one(rng, None, None, 0, 150, 20),
        "node_events_per_s": one(rng, 0, 0, 0.02, 0.3),
    }


def aws_api(rng: np.random.Generator) -> dict[str, Any]:
    """Return an account, which may be loaded."""
    low_s = one(rng, 0.001, 0.05)
    names = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")
    tight = [name for name in names if chance(rng, 0.4)]
    loaded = [name for name in (*names, "elbv2_modify") if chance(rng, 0.2)]
    return {
        "retryer": None if chance(rng, 0.5) else one(rng, *RETRYERS),
        "latency_s": {"dist": "uniform", "low": low_s, "high": one(rng, 3, 30) * low_s},
        "buckets": {
            name: {"capacity": one(rng, 1, 3, 20.5), "refill_per_s": float(rng.uniform(0.7, 8))} for name in tight
        },
        "background_calls_per_s": {name: float(rng.uniform(0, 1.5)) for name in loaded},
        "other_clusters": other_clusters(rng, controller),
        "warm_up_s": one(rng, 0, 10, 60),
    }
