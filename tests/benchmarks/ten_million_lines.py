"""What `observe` and `calibrate` take for ten million lines, all of them within minutes of a rollout.

`python tests/benchmarks/ten_million_lines.py DIR [--lines N]` writes the records into DIR if it has none (some two
minutes and 1.5 GB). Printed are CPU seconds, wall time and the greatest resident memory of both commands.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from albsim_tests.records import BEGIN_S, NODES, call, iso, line, log_name, trail

PODS, ROLLOUTS, CALLS = 200, 2, 40
FILE_S, N_FILES, EVERY_S = 300, 6, 2.0
_AT_ONCE = 100_000


def address(pod: int) -> str:
    """Return the target of a pod. Each rollout has pods of its own."""
    return f"10.0.{pod // 200}.{pod % 200 + 1}:8080"


def call_s(rollout: int, number: int) -> float:
    """Return when a rollout's call is completed."""
    return 300.0 + 600.0 * rollout + EVERY_S * number


def write(directory: Path, n_lines: int) -> None:
    """Write access logs of two nodes, and the trail of two rollouts in which the targets leave 10 s after each call."""
    rng = np.random.default_rng(1)
    per_call = PODS // CALLS
    records = []
    for rollout in range(ROLLOUTS):
        for number in range(CALLS):
            pods = range(PODS * rollout + per_call * number, PODS * rollout + per_call * (number + 1))
            for name, first in (("RegisterTargets", PODS), ("DeregisterTargets", 0)):
                targets = tuple(address(pod + first) for pod in pods)
                records.append(call(call_s(rollout, number), name, targets, eventID=f"{rollout} {number} {name}"))
    trail(directory / "trail.json", *records)
    for node in NODES:
        left_s = 10.0 * rng.lognormal(0, 0.4, (ROLLOUTS, PODS))
        for file in range(N_FILES):
            end = datetime.fromtimestamp(BEGIN_S + FILE_S * (file + 1), UTC)
            with gzip.open(directory / f"{log_name(node, f'{end:%Y%m%dT%H%MZ}')}.gz", "wt", compresslevel=1) as out:
                times_s = np.sort(rng.uniform(FILE_S * file, FILE_S * (file + 1), n_lines // (N_FILES * len(NODES))))
                for some_s in np.array_split(times_s, max(times_s.size // _AT_ONCE, 1)):
                    out.write("".join(_lines(some_s, node, left_s, rng)))


def _lines(times_s: np.ndarray, node: str, left_s: np.ndarray, rng: np.random.Generator) -> list[str]:
    template = f"{line(0, 'TARGET')}\n".replace(NODES[0], node)
    for text, field in ((iso(0.052), "{0}"), (iso(0), "{1}"), ("TARGET", "{2}"), ("0.050", "{3:.3f}")):
        template = template.replace(text, field)
    places = rng.integers(PODS, size=times_s.size)
    took_s = rng.lognormal(np.log(0.05), 0.8, times_s.size)
    gone = np.zeros(times_s.size, int)
    for rollout, of_pods_s in enumerate(left_s):
        gone += times_s > call_s(rollout, 0) + EVERY_S * (places * CALLS // PODS) + of_pods_s[places]
    targets = places + PODS * gone
    columns = (column.tolist() for column in (times_s, targets, took_s))
    return [
        template.format(iso(time_s + took), iso(time_s), address(target), took)
        for time_s, target, took in zip(*columns, strict=True)
    ]


def measured(*arguments: str) -> str:
    """Return what a command takes, in words."""
    started_s = time.monotonic()
    child = os.posix_spawn(
        sys.executable, [sys.executable, "-c", "from sim.cli import main; main()", *arguments], os.environ
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return f"{cpu_s:.1f} s of CPU, {time.monotonic() - started_s:.0f} s, {usage.ru_maxrss / 1024:,.0f} MiB"


def main() -> None:
    """Print what both commands take."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--lines", type=int, default=10_000_000)
    arguments = parser.parse_args()
    if not arguments.directory.exists():
        arguments.directory.mkdir(parents=True)
        write(arguments.directory, arguments.lines)
    place = str(arguments.directory)
    print(json.dumps({"observe": measured("observe", place, "--quiet"), "calibrate": measured("calibrate", place)}))  # noqa: T201


if __name__ == "__main__":
    main()
