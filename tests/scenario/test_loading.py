"""Every way a scenario file can be wrong ends in one ScenarioError that says where and why; and `extends`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

import pytest

from sim.scenario.loading import load_scenario, load_scenarios
from sim.scenario.problems import ScenarioError

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
VERSIONS = "'v1.1.0' to 'v1.1.9', 'v2.0' to 'v2.19', 'v3.0' to 'v3.9', or 'fixed_lag'"
MINIMAL = "name: x\ntraffic: {arrival_rate_rps: 100}\ndeployment: {replicas: 4}\n"


class Write(Protocol):
    """Writes a file and gives its path."""

    def __call__(self, content: str | bytes, name: str = "x.yaml") -> Path: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file in an empty directory and give its path."""

    def write_file(content: str | bytes, name: str = "x.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def problems_of(path: Path) -> list[str]:
    """Load a file that is wrong, and give its problems without the directory."""
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_projects_scenarios_load(path: Path) -> None:
    scenarios = load_scenarios(path)
    assert all(scenario.description for scenario in scenarios)


def test_a_scenario_of_the_required_keys_has_every_default(write: Write) -> None:
    scenario = load_scenario(write(MINIMAL))
    assert scenario.deployment.replicas == 4
    assert scenario.controller.version == "v1.1.9"
    assert scenario.target_group.health_check is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "x.yaml: expected a scenario (got an empty file)"),
        ("# nothing\n", "x.yaml: expected a scenario (got an empty file)"),
        ("---\n", "x.yaml:2: expected a mapping of keys (got an empty document)"),
        ("- name: x\n", "x.yaml:1: expected a mapping of keys (got a list)"),
        ("just text\n", "x.yaml:1: expected a mapping of keys (got 'just text')"),
        (b"\x7fELF\0\0\1\2", "x.yaml: expected a scenario in YAML (got a file that is binary)"),
        (b"name: x\nalso: \xff\n", "x.yaml:2: expected a scenario in YAML (got a file that is not UTF-8 (byte 0xff))"),
        ("name: x\nb: \x07\n", "x.yaml:2: not valid YAML: the character '\\x07' may not stand here"),
        ("name: x\n a: b: c\n", "x.yaml:2: not valid YAML: mapping values are not allowed here"),
        ("name: [x\n", "x.yaml:2: not valid YAML: while parsing a flow sequence expected ',' or ']', but got"),
        ("[" * 10_000, "x.yaml:1: nested more than 20 deep"),
        ("[\n" * 10_000, "x.yaml:22: nested more than 20 deep"),
        ("{a: " * 10_000, "x.yaml:1: nested more than 20 deep"),
        ("- " * 10_000, "x.yaml:1: nested more than 20 deep"),
        ("".join(" " * depth + "a:\n" for depth in range(1000)), "x.yaml:21: nested more than 20 deep"),
        ("a: &a [*a]", "x.yaml:1: not valid YAML: no value is called &a before this"),
        ("x" * 1_000_001, "x.yaml: expected a scenario in YAML (got a file that is larger than 1 MB"),
        ("a: [" + "1," * 20_000 + "]", "x.yaml:1: more than 10000 values, aliases written out"),
    ],
)
def test_what_is_no_mapping_in_yaml_is_refused(write: Write, text: str | bytes, problem: str) -> None:
    (said,) = problems_of(write(text))
    assert said.startswith(problem)


def test_an_alias_bomb_is_refused(write: Write) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    (said,) = problems_of(write("\n".join(rows)))
    assert said == "x.yaml:5: more than 10000 values, aliases written out"


def test_aliases_cannot_nest_deeper_than_what_is_written(write: Write) -> None:
    rows = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 1000)]
    (said,) = problems_of(write("\n".join(rows)))
    assert said == "x.yaml:20: nested more than 20 deep"


def test_an_alias_stands_for_its_value(write: Write) -> None:
    other = "{ingresses: 3, churn_per_s: 0.5}"
    scenario = load_scenario(write(f"{MINIMAL}aws_api: {{other_clusters: [&other {other}, *other]}}\n"))
    first, second = scenario.aws_api.other_clusters
    assert first == second
    assert first.ingresses == 3


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file or directory" in problems_of(tmp_path / "no.yaml")[0]
    assert "Is a directory" in problems_of(tmp_path)[0]
    assert "cannot be read" in problems_of(tmp_path / "a\0b")[0]

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read: Permission denied" in problems_of(tmp_path / "x.yaml")[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("pod: {pre_stop_slep_s: 3}", "pod.pre_stop_slep_s: unknown key; did you mean 'pod.pre_stop_sleep_s'?"),
        ("sed: 3", "sed: unknown key; did you mean 'seed'?"),
        ("pre_stop_sleep_s: 3", "pre_stop_sleep_s: unknown key; did you mean 'pod.pre_stop_sleep_s'?"),
        ("seed: 1.5", "seed: expected a whole number from 0 to 9.22337e18 (got 1.5)"),
        ("seed: true", "seed: expected a whole number from 0 to 9.22337e18 (got true)"),
        ("replications: 0", "replications: expected a whole number from 1 to 1e6 (got 0)"),
        ("pod: 3", "pod: expected a mapping (got 3)"),
        ("pod:", "pod: expected a mapping (got null)"),
        ("pod: []", "pod: expected a mapping (got an empty list)"),
        ("pod: {pre_stop_sleep_s: -1}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got -1)"),
        ("pod: {pre_stop_sleep_s: .nan}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got nan)"),
        ("pod: {pre_stop_sleep_s: .inf}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got inf)"),
        ("pod: {pre_stop_sleep_s: -.inf}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got -inf)"),
        ("pod: {pre_stop_sleep_s: 1e999}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got inf)"),
        ("pod: {pre_stop_sleep_s: 40s}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got '40s')"),
        ("pod: {pre_stop_sleep_s: '40'}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got '40')"),
        ("pod: {pre_stop_sleep_s: [40]}", "pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got a list)"),
        ("pod: {pre_stop_fails_health_check: yes}", "expected true or false (got 'yes')"),
        ("pod: {on_sigterm: drian}", "one of 'exit', 'drain', 'ignore' (got 'drian'); did you mean 'drain'?"),
        ("pod: {startup_s: {dist: unifrom, low: 1, high: 2}}", "(got 'unifrom'); did you mean 'uniform'?"),
        ("pod: {startup_s: {low: 1, high: 2}}", "high: 2} (got a mapping); 'dist' is missing"),
        (
            "pod: {startup_s: {dist: uniform, low: 1}}",
            "pod.startup_s.high: expected a number from 0 to 1e9 (got nothing)",
        ),
        ("pod: {startup_s: {dist: uniform, low: 2, high: 1}}", "a number of at least 2, which is low (got 1)"),
        (
            "pod: {startup_s: {dist: uniform, low: 1, high: 2, hihg: 3}}",
            "unknown key; did you mean 'pod.startup_s.high'?",
        ),
        ("pod: {startup_s: {dist: exponential, mean: .nan}}", "pod.startup_s.mean: expected a number above 0"),
        ("pod: {startup_s: .nan}", "pod.startup_s: expected a number from 0 to 1e9 or a distribution"),
        ("pod: {startup_s: {dist: empirical, csv: no.csv}}", "no.csv: No such file or directory"),
        ("controller: {version: v1.1.10}", "(got 'v1.1.10'); did you mean 'v1.1.1'?"),
        ("controller: {version: v2.70}", "(got 'v2.70')"),
        ("controller: {version: fixed-lag}", "did you mean 'fixed_lag'?"),
        ("controller: {version: fixed_lag}", "(got null); fixed_lag needs it"),
        ("controller: {deregistration_lag_s: 3}", "expected null (got a lag for v1.1.9); it is for fixed_lag only"),
        ("controller: {registration_lag_s: 3}", "expected null (got a lag for v1.1.9); it is for fixed_lag only"),
        ("controller: {https_listeners: 3}", "expected at most 2, the number of listeners (got 3)"),
        ("controller: {version: v1.1.2, max_concurrent_reconciles: 2}", "v1.1.2 has one worker"),
        ("controller: {aws_max_retries: -1}", "controller.aws_max_retries: expected a whole number from 0 to 1000"),
        ("aws_api: {retryer: full_jitter}", "(got 'full_jitter'); did you mean 'full-jitter'?"),
        ("aws_api: {retryer: published}", "aws_api.retryer: expected a retryer that has waits for 10 retries"),
        ("aws_api: {buckets: {elbv2_descr: {capacity: 1}}}", "did you mean 'aws_api.buckets.elbv2_describe'?"),
        ("aws_api: {buckets: {wafv2: {capacity: 0}}}", "wafv2.capacity: expected a number from 1 to 1e6 (got 0)"),
        ("aws_api: {background_calls_per_s: {elbv2: 1}}", "aws_api.background_calls_per_s.elbv2: unknown key"),
        ("aws_api: {background_calls_per_s: {wafv2: -1}}", "expected a number from 0 to 10000 (got -1)"),
        ("aws_api: {other_clusters: [{ingreses: 3}]}", "did you mean 'aws_api.other_clusters.0.ingresses'?"),
        (
            "aws_api: {other_clusters: {ingresses: 3}}",
            "aws_api.other_clusters: expected a list of values (got a mapping)",
        ),
        (
            "aws_api: {other_clusters: [{controller: {version: fixed_lag, deregistration_lag_s: 1}}]}",
            "a version that calls",
        ),
        ("target_group: {health_check: {interval_s: 0}}", "expected a number above 0 to 1e9 (got 0)"),
        ("target_group: {alb_nodes: 0}", "target_group.alb_nodes: expected a whole number from 1 to 10000 (got 0)"),
        ("sweep: {pod.pre_stop_slep_s: [1]}", "sweep.pod.pre_stop_slep_s: unknown key; did you mean"),
        (
            "sweep: {pod.pre_stop_sleep_s: [1, -1]}",
            "sweep.pod.pre_stop_sleep_s: expected a number from 0 to 1e9 (got -1)",
        ),
        ("sweep: {pod.pre_stop_sleep_s: 1}", "sweep.pod.pre_stop_sleep_s: expected a list of values (got 1)"),
        (
            "sweep: {pod.pre_stop_sleep_s: []}",
            "sweep.pod.pre_stop_sleep_s: expected a list of values (got an empty list)",
        ),
        (
            "sweep: {pod.concurrency: [0]}",
            "sweep.pod.concurrency: expected a whole number from 1 to 10000 or null (got 0)",
        ),
        ("sweep: {endpoints.propagation_s.p98: [1]}", "sweep.endpoints.propagation_s.p98: unknown key"),
        ("name: a/b", "text of 1 to 100 characters in one line"),
        ("1: 2", "1: expected a key in text (got 1)"),
        (
            "pod: !!python/object:os.system {}",
            "pod: expected a value without a tag (got tag:yaml.org,2002:python/object",
        ),
        ("<<: {}", "<<: unknown key"),
        ('extends: "\\e[31mX\\a.yaml"', "\\x1b[31mX\\x07.yaml: expected a scenario in YAML"),
        ("extends: 3", "extends: expected the name of another scenario file (got 3)"),
        ("extends: no.yaml", "No such file or directory); x.yaml:1 extends it"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_line(write: Write, line: str, problem: str) -> None:
    rest = MINIMAL.split("\n", 1)[1] if line.startswith("name") else MINIMAL
    (said,) = problems_of(write(f"{line}\n{rest}"))
    assert problem in said
    assert said.startswith("x.yaml:1: ") or "extends it" in said


@pytest.mark.parametrize(
    ("deployment", "problem"),
    [
        ("replicas: 0", "deployment.replicas: expected a whole number from 1 to 150000 (got 0)"),
        ("replicas: -3", "deployment.replicas: expected a whole number from 1 to 150000 (got -3)"),
        ("replicas: four", "deployment.replicas: expected a whole number from 1 to 150000 (got 'four')"),
        ("max_surge: 3", "deployment.replicas: expected a whole number from 1 to 150000 (got nothing); this key is"),
        ("replicas: 4, max_unavailable: 150%", "or a percentage from '0%' to '100%' (got '150%')"),
        ("replicas: 4, max_unavailable: 101%", "or a percentage from '0%' to '100%' (got '101%')"),
        ("replicas: 4, max_surge: -1", "deployment.max_surge: expected a number of pods"),
        ("replicas: 4, max_surge: 0.25", "deployment.max_surge: expected a number of pods"),
        ("replicas: 4, max_surge: 12.5%", "deployment.max_surge: expected a number of pods"),
        ("replicas: 4, max_surge: true", "deployment.max_surge: expected a number of pods"),
        ("replicas: 4, max_surge: .inf", "deployment.max_surge: expected a number of pods"),
        (f"replicas: {'9' * 5000}", "deployment.replicas: expected a whole number from 1 to 150000 (got inf)"),
        (f"replicas: {'9' * 30}", "deployment.replicas: expected a whole number from 1 to 150000 (got 999999999"),
    ],
)
def test_a_wrong_deployment_is_refused(write: Write, deployment: str, problem: str) -> None:
    (said,) = problems_of(write(f"name: x\ntraffic: {{arrival_rate_rps: 1}}\ndeployment: {{{deployment}}}\n"))
    assert said.startswith("x.yaml:3: ")
    assert problem in said


def test_a_surge_and_an_unavailability_of_zero_mean_one_unavailable(write: Write) -> None:
    text = MINIMAL.replace("replicas: 4", "replicas: 4, max_surge: 0, max_unavailable: 0%")
    deployment = load_scenario(write(text)).deployment
    assert (deployment.surge, deployment.unavailable) == (0, 1)


def test_every_problem_of_a_file_comes_at_once_with_its_line(write: Write) -> None:
    text = """\
name: x
name: y
traffic:
  arrival_rate_rps: -1
  arrivals: even
  arrivals: poisson
deployment:
  replicas: 0
pod:
  pre_stop_slep_s: 40
  concurrency: 0
aws_api:
  other_clusters:
    - ingresses: 3
    - controller:
        version: v4.0
sweep:
  pod.on_sigterm:
    - drain
    - drian
"""
    assert [said.split(" (got")[0] for said in problems_of(write(text))] == [
        "x.yaml:2: name: given twice; first on line 1",
        "x.yaml:6: traffic.arrivals: given twice; first on line 5",
        "x.yaml:4: traffic.arrival_rate_rps: expected a number above 0 to 1e9",
        "x.yaml:8: deployment.replicas: expected a whole number from 1 to 150000",
        "x.yaml:11: pod.concurrency: expected a whole number from 1 to 10000 or null",
        "x.yaml:10: pod.pre_stop_slep_s: unknown key; did you mean 'pod.pre_stop_sleep_s'?",
        "x.yaml:16: aws_api.other_clusters.1.controller.version: expected " + VERSIONS,
        "x.yaml:20: sweep.pod.on_sigterm: expected one of 'exit', 'drain', 'ignore'",
    ]


def test_numbers_are_those_of_yaml_1_2(write: Write) -> None:
    scenario = load_scenario(write("name: 2019-10-01\ntraffic: {arrival_rate_rps: 1e3}\ndeployment: {replicas: 1e1}\n"))
    assert scenario.name == "2019-10-01"
    assert scenario.traffic.arrival_rate_rps == 1000
    assert scenario.deployment.replicas == 10
    assert isinstance(scenario.deployment.replicas, int)


def test_json_is_yaml(write: Write) -> None:
    raw = {"name": "ü", "traffic": {"arrival_rate_rps": 1e3}, "deployment": {"replicas": 2}, "pod": {}}
    assert load_scenario(write(json.dumps(raw, ensure_ascii=False))).name == "ü"


def test_a_file_may_hold_several_scenarios(write: Write) -> None:
    path = write(f"{MINIMAL}---\n{MINIMAL.replace('name: x', 'name: y')}")
    assert [scenario.name for scenario in load_scenarios(path)] == ["x", "y"]
    with pytest.raises(ScenarioError, match=r"expected one scenario \(got 2 documents\)"):
        load_scenario(path)


def test_the_problems_of_several_documents_come_at_once(write: Write) -> None:
    path = write(f"{MINIMAL}seed: -1\n---\n{MINIMAL}sed: 1\n")
    assert [said.split(":")[1] for said in problems_of(path)] == ["4", "9"]


def test_an_empty_document_is_refused(write: Write) -> None:
    (said,) = problems_of(write(f"{MINIMAL}---\n"))
    assert "an empty document" in said


def test_extends_merges_key_by_key_and_replaces_lists_and_distributions(write: Write) -> None:
    write(
        """\
name: base
traffic: {arrival_rate_rps: 100, service_time_s: {dist: lognormal, median: 1, sigma: 2}}
deployment: {replicas: 4, max_surge: 2}
aws_api: {other_clusters: [{ingresses: 3}, {ingresses: 4}]}
sweep: {seed: [1, 2]}
target_group: {health_check: null}
""",
        "base.yaml",
    )
    scenario = load_scenario(
        write(
            """\
extends: base.yaml
name: above
traffic: {service_time_s: {dist: exponential, mean: 3}}
deployment: {replicas: 8}
aws_api: {other_clusters: [{ingresses: 5}]}
sweep: {deployment.replicas: [1, 2]}
target_group: {health_check: {interval_s: 7}}
"""
        )
    )
    assert scenario.name == "above"
    assert scenario.deployment.model_dump(exclude_unset=True) == {"replicas": 8, "max_surge": 2}
    assert scenario.traffic.service_time_s.mean() == 3
    assert [cluster.ingresses for cluster in scenario.aws_api.other_clusters] == [5]
    assert set(scenario.sweep) == {"seed", "deployment.replicas"}
    assert scenario.target_group.health_check is not None


def test_a_problem_names_the_file_that_it_stands_in(write: Write) -> None:
    write("traffic: {arrival_rate_rps: -1}\ndeployment:\n  replicas: 4\n  replicas: 5\n", "base.yaml")
    assert problems_of(write("extends: base.yaml\nname: x\npod: {on_sigterm: 3}\n")) == [
        "base.yaml:4: deployment.replicas: given twice; first on line 3",
        "base.yaml:1: traffic.arrival_rate_rps: expected a number above 0 to 1e9 (got -1)",
        "x.yaml:3: pod.on_sigterm: expected one of 'exit', 'drain', 'ignore' (got 3)",
    ]


def test_a_cycle_of_extends_is_refused_by_name(write: Write) -> None:
    write("extends: b.yaml\n", "a.yaml")
    write("extends: ./c.yaml\n", "b.yaml")
    path = write("extends: a.yaml\n", "c.yaml")
    (said,) = problems_of(path)
    assert "the cycle c.yaml → a.yaml → b.yaml → c.yaml" in said
    assert said.startswith("b.yaml:1: extends: ")
    assert "the cycle x.yaml → x.yaml" in problems_of(write("extends: x.yaml"))[0]


@pytest.mark.parametrize("name", ['"a\\0b"', '"\\ud83d"', "loop.yaml", "a" * 5000, "."])
def test_what_no_file_is_called_cannot_be_extended(write: Write, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (said,) = problems_of(write(f"extends: {name}\n"))
    assert "cannot be read: " in said


def test_a_replaced_value_leaves_no_line_behind(write: Write) -> None:
    write(f"{MINIMAL}pod:\n  startup_s:\n    dist: uniform\n    low: 1\n    high: 2\n", "base.yaml")
    (said,) = problems_of(write("extends: base.yaml\npod:\n  startup_s: {dist: uniform, low: 1}\n"))
    assert said.startswith("x.yaml:3: pod.startup_s.high: ")


def test_only_one_scenario_can_be_extended(write: Write) -> None:
    write(f"{MINIMAL}---\n{MINIMAL}", "base.yaml")
    assert "expected a file with one scenario (got 2 documents in" in problems_of(write("extends: base.yaml"))[0]


def test_a_csv_file_stands_beside_the_file_that_names_it_and_is_not_needed_later(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "measured"
    folder.mkdir()
    write("lag_s\n3\n5\n", "measured/lags.csv")
    lag = "controller: {version: fixed_lag, deregistration_lag_s: {dist: empirical, csv: lags.csv}}\n"
    write(MINIMAL + lag, "measured/base.yaml")
    scenario = load_scenario(write("extends: measured/base.yaml\nseed: 3\n"))
    shutil.rmtree(folder)
    later = scenario.with_overrides({"seed": 4})
    assert later.controller.deregistration_lag_s is not None
    assert later.controller.deregistration_lag_s.mean() == 4


def test_a_number_in_a_csv_file_that_is_no_time_is_refused(write: Write) -> None:
    write("1\n-2\n", "lags.csv")
    (said,) = problems_of(write(MINIMAL + "pod: {startup_s: {dist: empirical, csv: lags.csv}}\n"))
    assert said.startswith("x.yaml:4: pod.startup_s: expected a CSV file with one number from 0 to 1e9 in each line")
    assert said.endswith("lags.csv:2: '-2')")
