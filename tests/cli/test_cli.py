"""The commands: what goes where, and every exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sim.cli import Program, main, options
from sim.cli.options import takes_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
BASELINE = str(SCENARIOS / "baseline.yaml")
MINIMAL = "name: x\ntraffic: {arrival_rate_rps: 100}\ndeployment: {replicas: 4}\n"


def run(*arguments: str) -> Result:
    """Run the program in this process."""
    return CliRunner().invoke(main, arguments)


def albsim(*arguments: str) -> list[str]:
    """Return the command line of the program in a process of its own."""
    return [sys.executable, "-c", "from sim.cli import main; main()", *arguments]


def test_check_lists_what_is_unwise() -> None:
    result = run("check", BASELINE)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "baseline: valid, 1 to consider"
    assert result.stdout.splitlines()[1].startswith("  warning: pod.pre_stop_sleep_s: no preStop sleep")
    assert result.stderr == ""


def test_check_of_a_wise_scenario_is_short() -> None:
    wise = ["--set", "pod.pre_stop_sleep_s=40", "--set", "pod.termination_grace_period_s=60"]
    result = run("check", BASELINE, *wise, "--set", "controller.aws_max_retries=4")
    assert result.stdout == "baseline: valid\n"


def test_check_takes_several_files_and_documents(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(f"{MINIMAL}---\n{MINIMAL.replace('name: x', 'name: y')}")
    lines = run("check", str(path), BASELINE).stdout.splitlines()
    assert [line.split(":")[0] for line in lines if ": valid" in line] == ["x", "y", "baseline"]


def test_all_problems_of_all_files_go_to_stderr_and_nothing_else_anywhere(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MINIMAL + "pod: {pre_stop_slep_s: 40, sandbox_teardown_s: .nan}\n")
    result = run("check", str(wrong), BASELINE, str(tmp_path / "no.yaml"))
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, third = result.stderr.splitlines()
    assert first == f"{wrong}:4: pod.sandbox_teardown_s: expected a number from 0 to 1e9 (got nan)"
    assert second == f"{wrong}:4: pod.pre_stop_slep_s: unknown key; did you mean 'pod.pre_stop_sleep_s'?"
    assert third.endswith(
        "no.yaml: expected a scenario in YAML (got a file that cannot be read: No such file or directory)"
    )
    assert list(tmp_path.iterdir()) == [wrong]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "pod.pre_stop_slep_s=3"], "did you mean 'pod.pre_stop_sleep_s'?"),
        (["--set", "pod.pre_stop_sleep_s"], "expected KEY=VALUE (got no value)"),
        (["--set", "pod.pre_stop_sleep_s=-1"], "expected a number from 0 to 1e9 (got -1)"),
        (["--seed", "-1"], "seed: expected a whole number"),
        (["--seed", "x"], "'x' is not a valid integer"),
        (["--replications", "0"], "replications: expected a whole number from 1 to 1e6 (got 0)"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_options_exit_with_2(arguments: list[str], message: str) -> None:
    result = run("check", BASELINE, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


NESTED = "[" * 10_000
ALIASES = "".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 15))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (MINIMAL.replace("name", "nmae"), "did you mean 'name'?"),
        (f"{MINIMAL}name: again\n", "given twice"),
        (MINIMAL.replace("replicas: 4", "replicas: four"), "(got 'four')"),
        (MINIMAL.replace("100", ".nan"), "(got nan)"),
        (MINIMAL.replace("100", ".inf"), "(got inf)"),
        (MINIMAL.replace("replicas: 4", "replicas: 0"), "(got 0)"),
        (MINIMAL.replace("replicas: 4", "replicas: 4, max_unavailable: 101%"), "(got '101%')"),
        (f"{MINIMAL}pod: {{pre_stop_sleep_s: -1}}\n", "(got -1)"),
        ("", "(got an empty file)"),
        ("- a\n- list\n", "(got a list)"),
        (b"\x00\x89PNG\xff", "(got a file that is binary)"),
        (f"extends: wrong.yaml\n{MINIMAL}", "(got the cycle wrong.yaml → wrong.yaml)"),
        (NESTED, "nested more than 20 deep"),
        (f"b0: &b0 [x, x]\n{ALIASES}", "aliases"),
        (None, "No such file or directory"),
    ],
)
def test_a_wrong_file_exits_with_2_and_nothing_is_written(
    content: str | bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("run", str(path), "--out", str(tmp_path / "out"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(str(path))
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_directory_exits_with_2(tmp_path: Path) -> None:
    result = run("run", str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a directory that has no .yaml" in result.stderr


def test_what_is_unwise_is_mentioned_unless_quiet() -> None:
    few = ("--replications", "2", "--workers", "1")
    assert run("run", BASELINE, *few).stderr == "baseline: 1 warning, see `albsim check`\n"
    assert run("run", BASELINE, *few, "--quiet").stderr == ""


def test_wrong_usage_exits_with_2() -> None:
    assert run("check").exit_code == 2
    assert run("chek", BASELINE).exit_code == 2


def test_seed_0_is_a_seed_and_options_override_the_file() -> None:
    seen = []

    @click.group(cls=Program)
    def program() -> None:
        """Stand in for the real one."""

    @program.command()
    @takes_scenario
    def show(scenario: object) -> None:
        seen.append(scenario)

    changing = ["--seed", "0", "--replications", "3", "--set", "seed=5", "--set", "pod.startup_s.low=12"]
    assert CliRunner().invoke(program, ["show", BASELINE, *changing]).exit_code == 0
    (scenario,) = seen
    dump = scenario.model_dump()  # type: ignore[attr-defined]
    assert (dump["seed"], dump["replications"]) == (0, 3)
    assert dump["pod"]["startup_s"] == {"max": None, "dist": "uniform", "low": 12, "high": 20}


def test_a_command_for_one_scenario_refuses_two(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(f"{MINIMAL}---\n{MINIMAL}")

    @click.group(cls=Program)
    def program() -> None:
        """Stand in for the real one."""

    @program.command()
    @takes_scenario
    def show(scenario: object) -> None:
        raise AssertionError(scenario)

    result = CliRunner().invoke(program, ["show", str(path)])
    assert result.exit_code == 2
    assert "expected one scenario (got 2 documents)" in result.stderr


def test_schema_is_json_with_every_group() -> None:
    schema = json.loads(run("schema").stdout)
    assert {"name", "traffic", "deployment", "pod", "controller", "extends"} <= set(schema["properties"])


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom sim.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'pydantic', 'numpy', 'scipy', 'pandas', 'matplotlib', 'simpy', 'yaml'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert "check" in result.stdout


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "_loaded", interrupt)
    result = run("check", BASELINE)
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"


def test_a_defect_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(options, "_loaded", fail)
    result = run("check", BASELINE)
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(albsim("schema"), stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert process.returncode == 0
    assert process.stderr == ""


def test_a_shell_completes_commands() -> None:
    words = {"_ALBSIM_COMPLETE": "bash_complete", "COMP_WORDS": "albsim re", "COMP_CWORD": "1"}
    program = [sys.executable, "-c", "from sim.cli import main; main(prog_name='albsim')"]
    done = subprocess.run(program, env=os.environ | words, check=False, capture_output=True, text=True)
    assert {"plain,recommend", "plain,report", "plain,results"} <= set(done.stdout.split())
