"""The checks pass as the program is, and each finds the defect it is there for."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.control_plane import token_bucket
from sim.control_plane.aws import aws_api, retryers
from sim.control_plane.aws.retryers import EqualJitter, FullJitter, PublishedSchedule, SdkGoV2
from sim.control_plane.kubernetes import kubelet
from sim.data_plane import sampled
from sim.data_plane.classify import Answers
from sim.scenario import distributions
from sim.scenario.specs import DeploymentSpec
from sim.verification import CHECKS, control_plane, laws, requests, twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.verification.checks import Check

    Group = Callable[[], Iterator[Check]]

FEW = 40
"""Rollouts for each figure; the whole of them takes half a minute."""


def failed(group: Group) -> set[str]:
    return {check.claim for check in group() if not check.passed}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "ROLLOUTS", FEW)
    monkeypatch.setattr(twins, "SAMPLES", FEW)
    monkeypatch.setattr(twins, "ROLLOUTS", FEW // 4)
    monkeypatch.setattr(twins, "DISRUPTIONS", FEW // 4)
    monkeypatch.setattr(twins, "BINDINGS", FEW // 4)
    monkeypatch.setattr(twins, "OUTAGES", FEW // 4)
    monkeypatch.setattr(twins, "STRATEGIES", FEW // 4)
    monkeypatch.setattr(twins, "ON_NODES", FEW // 2)
    monkeypatch.setattr(twins, "TIMELINES", FEW // 10)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("group", CHECKS, ids=lambda group: group.__name__)
def test_they_pass(group: Group) -> None:
    checks = list(group())
    assert checks
    assert not [check for check in checks if not check.passed]


@pytest.mark.thorough
def test_they_pass_in_full() -> None:
    assert not [claim for group in CHECKS for claim in failed(group)]


def test_a_retryer_that_waits_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = laws.RETRYERS["aws-sdk-go-1.23.22"]
    wrong = {
        "aws-sdk-go-1.12": replace(laws.RETRYERS["aws-sdk-go-1.12"], throttle_shift_cap=9),
        "aws-sdk-go-1.23.22": replace(sdk, max_delay_s=200),
        "aws-sdk-go-v2": SdkGoV2(cap_s=21),
        "botocore-standard": FullJitter(cap_s=22),
        "full-jitter": FullJitter(base_s=0.52),
        "equal-jitter": EqualJitter(cap_s=310),
        "published": PublishedSchedule(waits_s=(1, 1, 2, 7, 15, 30, 60)),
    }
    monkeypatch.setattr(laws, "RETRYERS", MappingProxyType({**retryers.RETRYERS, **wrong}))
    checks = [check for check in laws.retryers() if not check.passed]
    assert {check.settings.split(",")[0] for check in checks} == set(wrong)


def test_a_lognormal_whose_sigma_is_a_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample(_: Any, rng: np.random.Generator, size: int) -> Any:
        return 10 * np.exp(laws.SIGMA**2 * rng.standard_normal(size))

    monkeypatch.setattr(distributions.Lognormal, "_sample", sample)
    assert failed(laws.distributions) == {"mean of a distribution", "fraction of a distribution"}


def test_a_kubelet_that_kills_at_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet, "MINIMUM_GRACE_PERIOD_S", 0.0)
    assert failed(control_plane.kubelet) == {"SIGKILL after the deletion, s"}


def test_a_call_more_in_the_reconcile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_plane, "CALL_S", 0.0801)
    trace = control_plane._trace
    monkeypatch.setattr(control_plane, "_trace", lambda changes: trace({**changes, "aws_api": {"latency_s": 0.08}}))
    assert failed(control_plane.rollout) == {"deregistration = the calls before it, s"}


def test_a_deployment_that_rounds_its_surge_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def surge(spec: DeploymentSpec) -> int:
        return int(spec.max_surge[:-1]) * spec.replicas // 100 if isinstance(spec.max_surge, str) else spec.max_surge

    monkeypatch.setattr(DeploymentSpec, "surge", property(surge))
    assert failed(control_plane.bounds) == {"most pods that do not terminate"}


def test_a_bucket_that_holds_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made = token_bucket.TokenBucket.__init__
    monkeypatch.setattr(
        token_bucket.TokenBucket, "__init__", lambda self, capacity, *args, **at: made(self, capacity + 1, *args, **at)
    )
    assert failed(control_plane.api) == {
        "calls <= capacity + refill x time, over every interval",
        "between calls that pass: 1 / refill + 1 / rate, s",
    }


def test_an_account_whose_buckets_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_api.AwsApi, "admit", lambda *_: True)
    assert "calls <= capacity + refill x time, over every interval" in failed(control_plane.api)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_requests_that_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    class Losing(sampled._Tally):
        def add(self, size: int, suspects: Any, answers: Any) -> None:
            super().add(size, suspects[::2], Answers(answers.outcome[::2], answers.answered_s[::2]))

    monkeypatch.setattr(sampled, "_Tally", Losing)
    assert failed(requests.refused)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_lag_that_is_a_tenth_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = requests._rollout
    monkeypatch.setattr(requests, "_rollout", lambda lag_s, *rest, **more: rollout(_longer(lag_s), *rest, **more))
    assert "refused = rate x share x (lag - preStop)+" in failed(requests.refused)


def _longer(lag_s: Any) -> Any:
    return lag_s * 1.1 if isinstance(lag_s, int) else lag_s


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_kubelet_that_counts_the_whole_of_pre_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet, "MINIMUM_GRACE_PERIOD_S", 0.5)
    assert failed(requests.in_flight) == {"lost at SIGKILL = in flight x exp(-left / mean)"}
