from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from albsim_tests.executors import InOrder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import sim

ALBSIM = shutil.which("albsim", path=str(Path(sys.executable).parent))


def test_the_interface_s_example_runs() -> None:
    scenario = sim.load_scenario("scenarios/fixed-lag.yaml")
    result = sim.simulate(scenario.with_overrides({"pod.pre_stop_sleep_s": 20}), replication=0)
    frame = sim.sweep(scenario, {"pod.pre_stop_sleep_s": [0, 20]}, replications=2, executor=InOrder())

    assert result.requests.n_status(502) == result.figures().responses(502) == 0
    assert frame["responses.502"].tolist()[2:] == [0, 0]


def test_the_interface_s_scenario_loads_with_every_value() -> None:
    """The file gives each key the default, but for what the incident sets."""
    scenario = sim.load_scenario("tests/golden/interface.yaml")
    incident = sim.load_scenario("scenarios/gree-200-pods.yaml")

    assert scenario.aws_api.buckets == incident.aws_api.buckets
    assert scenario.pod == incident.pod
    assert set(scenario.sweep) == {"pod.pre_stop_sleep_s", "controller.aws_max_retries"}


def test_no_file_has_more_than_250_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in Path(sim.__file__).parent.rglob("*.py")}
    assert [path for path, length in lengths.items() if length > 250] == []


def test_the_package_alone_imports_nothing_heavy() -> None:
    program = "import sys, sim; print([name for name in ('numpy', 'pandas', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout == "[]\n"


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sim.nothing  # noqa: B018 - it raises


def test_intel_macs_get_the_last_numba_that_has_wheels_for_them() -> None:
    """Else pip compiles LLVM there. From 0.63 on numba has wheels for Macs with Apple's processors alone."""
    mac = {"sys_platform": "darwin", "platform_machine": "x86_64", "python_full_version": "3.11.7"}
    locked = map(Requirement, Path("requirements.lock").read_text(encoding="utf-8").splitlines())
    pins = [pin for pin in locked if pin.name == "numba" and (pin.marker is None or pin.marker.evaluate(mac))]

    assert [str(pin.specifier) for pin in pins] == ["==0.62.1"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-oldest.lock"])
def test_the_locks_fit_the_dependencies(lock: str) -> None:
    """If this fails: the command at the head of `[project.optional-dependencies]` in pyproject.toml writes them."""
    pins = {}
    for requirement in map(Requirement, Path(lock).read_text(encoding="utf-8").splitlines()):
        pins.setdefault(requirement.name, []).append(str(requirement.specifier).removeprefix("=="))
    for wanted in dependencies():
        assert all(version in wanted.specifier for version in pins[wanted.name.lower()]), wanted


def test_the_lock_with_hashes_has_the_versions_of_the_lock_without() -> None:
    pinned = set(Path("requirements.lock").read_text(encoding="utf-8").splitlines())
    entries = Path("requirements-hashed.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    for entry in entries:
        pin, *hashes = (part.strip() for part in entry.split("--hash=sha256:"))
        assert pin in pinned
        assert hashes
        assert all(len(digest) == 64 for digest in hashes)
    locked = {Requirement(entry.split("--hash")[0].strip()).name for entry in entries}
    assert locked >= {wanted.name.lower() for wanted in dependencies(extras=False)}


def test_the_oldest_lock_has_the_oldest() -> None:
    oldest = map(Requirement, Path("requirements-oldest.lock").read_text(encoding="utf-8").splitlines())
    pins = {requirement.name: str(requirement.specifier).removeprefix("==") for requirement in oldest}
    for wanted in dependencies():
        bound = next(iter(wanted.specifier)).version
        assert pins[wanted.name.lower()] in SpecifierSet(f"=={bound}.*"), wanted


def dependencies(*, extras: bool = True) -> list[Requirement]:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    more = [text for group in project["optional-dependencies"].values() for text in group] if extras else []
    wanted = [Requirement(text) for text in (*project["dependencies"], *more)]
    return [one for one in wanted if one.marker is None or one.marker.evaluate()]


@pytest.mark.slow
@pytest.mark.skipif(ALBSIM is None, reason="the package is not installed")
def test_a_stranger_s_module_of_this_name_in_the_working_directory_is_not_ours(tmp_path: Path) -> None:
    """The command and its workers import the package, whatever lies where they are started."""
    (tmp_path / "sim.py").write_text("raise SystemExit('a stranger')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [str(ALBSIM), "run", str(Path("scenarios/fixed-lag.yaml").resolve()), "--replications", "4"]
    done = subprocess.run(
        [*command, "--workers", "2", "--format", "json"], capture_output=True, cwd=tmp_path, env=environment, check=True
    )
    assert json.loads(done.stdout)[0]["replications"] == 4
