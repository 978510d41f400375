"""Hold the control plane against its slow twin in many drawn scenarios, by hand:

`python tests/reference/many.py FIRST LAST [v1|v2|nodes|roll_in|termination]`, some 0.2 s a scenario. Printed are what
differs, and a sum.
"""

from __future__ import annotations

import sys
from collections import Counter

from sim.control_plane import world
from sim.verification import twins
from sim.verification.drawn_nodes import drawn_nodes, drawn_roll_in, drawn_termination
from sim.verification.drawn_rollouts import drawn_bindings, drawn_scenario

DRAWN = {
    "v1": drawn_scenario,
    "v2": drawn_bindings,
    "nodes": drawn_nodes,
    "roll_in": drawn_roll_in,
    "termination": drawn_termination,
}


def main(first: str, last: str, which: str = "v2") -> None:
    world.LONGEST_PAUSE_S = twins.LONGEST_S
    met: Counter[str] = Counter()
    for seed in range(int(first), int(last)):
        scenario = DRAWN[which](seed)
        pairs = twins.drawn_records(scenario)
        differ = sum(not pair.alike for pair in pairs)
        met += Counter(
            {
                "scenarios": 1,
                "without an end": not pairs,
                "records": len(pairs),
                "throttled calls": sum(pair.is_throttled for pair in pairs),
                "gates opened": sum(pair.kind == "ReadinessGateOpened" for pair in pairs),
                "scenarios that differ": differ > 0,
            }
        )
        if differ:
            print(f"{scenario.name}, {scenario.controller.version}: {differ} records", flush=True)  # noqa: T201
    print(dict(met))  # noqa: T201 - what it is run for


if __name__ == "__main__":
    main(*sys.argv[1:])
