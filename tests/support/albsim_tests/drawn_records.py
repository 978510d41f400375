"""Whole records drawn from a known law: what `albsim calibrate` reads, as frames, with everything it may say of them.

As in `albsim_tests.calibration`, nothing of `sim.calibration` is used. Each rollout's targets are there from two
minutes before its first call, and some stay. `missing` is the share of the access log's files, each of a node and five
minutes, that is not there. CloudTrail has every call; the controller's log has it too, unless `whole_seconds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from albsim_tests.calibration import AFTER_S, BEFORE_S, NODES, Truth, arrivals, delays, with_the_drawn
from albsim_tests.records import BEGIN_S, GROUP
from sim.records.records import FILE_COLUMNS, RECONCILE_COLUMNS, Records

if TYPE_CHECKING:
    from collections.abc import Iterator

BETWEEN_CALLS_S, BETWEEN_ROLLOUTS_S, FILE_S, STAYING = 30.0, 3600.0, 300.0, 4
Sent = tuple[int, int, np.ndarray, float]
"""ALB node, target, when each request was sent, and from when on the target is dead."""


def drawn_records(truth: Truth, rng: np.random.Generator) -> Records:
    """Draw the records of some rollouts."""
    numbers = np.arange(truth.calls)
    rollout, place = numbers // truth.calls_per_rollout, numbers % truth.calls_per_rollout
    call_s = BEGIN_S + rollout * BETWEEN_ROLLOUTS_S + place * BETWEEN_CALLS_S + rng.random(truth.calls)
    requests = _requests(list(_sent(truth, call_s, rollout, rng)))
    requests, files = _without_missing(requests, truth.missing, rng)
    noted_s = call_s - truth.clock_s
    names = [tuple(_address(number * truth.targets + one) for one in range(truth.targets)) for number in numbers]
    return Records(
        requests=requests,
        calls=_trail(noted_s, names),
        reconciles=None if truth.whole_seconds else _controller(noted_s, names),
        files=files,
    )


def _sent(truth: Truth, call_s: np.ndarray, rollout: np.ndarray, rng: np.random.Generator) -> Iterator[Sent]:
    delay_s = delays(truth, rng)
    first_s = {number: float(call_s[rollout == number].min()) - BEFORE_S for number in np.unique(rollout)}
    for call, at_s in enumerate(call_s):
        for target in range(truth.targets):
            rate_rps = truth.rate_rps * (rng.gamma(2.0, 0.5) if truth.rates_differ else 1.0)
            for node in range(NODES):
                end_s = delay_s[call, target, node]
                times_s = arrivals(truth, rate_rps, first_s[rollout[call]] - at_s, AFTER_S, rng)
                times_s = with_the_drawn(truth, rate_rps, times_s[times_s < end_s], end_s, rng)
                yield node, call * truth.targets + target, at_s + times_s, at_s + truth.dies_after_s
    for number, from_s in first_s.items():
        until_s = float(call_s[rollout == number].max()) + AFTER_S
        for one in range(STAYING):
            for node in range(NODES):
                target = truth.calls * truth.targets + one
                yield node, target, arrivals(truth, truth.rate_rps, from_s, until_s, rng), np.inf


def _requests(sent: list[Sent]) -> pd.DataFrame:
    sizes = [times_s.size for _, _, times_s, _ in sent]
    time_s = np.concatenate([times_s for _, _, times_s, _ in sent])
    dead = time_s >= np.repeat([dead_s for _, _, _, dead_s in sent], sizes)
    frame = pd.DataFrame(
        {
            "time_s": time_s,
            "elapsed_s": np.float32(0.05),
            "node": np.repeat([f"10.0.9.{node + 1}" for node, _, _, _ in sent], sizes),
            "target": np.repeat([_address(target) for _, target, _, _ in sent], sizes),
            "target_group": GROUP,
            "request_processing_s": np.where(dead, np.nan, 0.0).astype(np.float32),
            "target_processing_s": np.where(dead, np.nan, 0.05).astype(np.float32),
            "response_processing_s": np.where(dead, np.nan, 0.0).astype(np.float32),
            "elb_status": np.where(dead, 502, 200).astype(np.int16),
            "target_status": np.where(dead, 0, 200).astype(np.int16),
            "websocket": False,
            "outcome": np.where(dead, "connect_refused", "ok"),
        }
    ).sort_values("time_s", ignore_index=True)
    return frame.astype(dict.fromkeys(("node", "target", "target_group", "outcome"), "category"))


def _without_missing(
    requests: pd.DataFrame, missing: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the requests of the files that are there, and these files."""
    number = (requests["time_s"] // FILE_S).astype(int)
    in_file = requests.assign(file=number).groupby(["node", "file"], observed=True).ngroup().to_numpy()
    there = rng.random(in_file.max() + 1) >= missing
    kept = there[in_file]
    found = pd.DataFrame({"node": requests["node"].astype(str), "until_s": (number + 1) * FILE_S})[kept]
    found = found.groupby(["node", "until_s"], as_index=False).size().rename(columns={"size": "lines_read"})
    files = found.assign(path="log.gz", kind="access_log", from_s=found["until_s"] - FILE_S, note="")
    files = files.assign(lines_not_read=0)[list(FILE_COLUMNS)]
    return requests[kept].reset_index(drop=True), files.reset_index(drop=True)


def _trail(noted_s: np.ndarray, names: list[tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time_s": np.floor(noted_s),
            "action": "elasticloadbalancing:DeregisterTargets",
            "client": "cluster-a",
            "software": "elbv2.k8s.aws/v3.3.0",
            "throttled": False,
            "failed": False,
            "target_group": GROUP,
            "targets": names,
        }
    )


def _controller(noted_s: np.ndarray, names: list[tuple[str, ...]]) -> pd.DataFrame:
    rows = [
        (at_s, kind, GROUP, targets)
        for at_s, targets in zip(noted_s.tolist(), names, strict=True)
        for kind in ("deregistering", "deregistered")
    ]
    return pd.DataFrame(rows, columns=list(RECONCILE_COLUMNS))


def _address(number: int) -> str:
    return f"10.{1 + number // 65536}.{number // 256 % 256}.{number % 256}:8080"
