from __future__ import annotations

import subprocess
import sys

import pytest

import sim
from tests.experiment.executors import InOrder


def test_the_interface_s_example_runs() -> None:
    scenario = sim.load_scenario("scenarios/fixed-lag.yaml")
    result = sim.simulate(scenario.with_overrides({"pod.pre_stop_sleep_s": 20}), replication=0)
    frame = sim.sweep(scenario, {"pod.pre_stop_sleep_s": [0, 20]}, replications=2, executor=InOrder())

    assert result.requests.n_status(502) == 0
    assert frame["responses.502"].tolist()[2:] == [0, 0]


def test_the_package_alone_imports_nothing_heavy() -> None:
    program = "import sys, sim; print([name for name in ('numpy', 'pandas', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout == "[]\n"


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sim.nothing  # noqa: B018 - it raises
