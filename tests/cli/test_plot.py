from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from sim.cli import main

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCENARIO = str(Path("scenarios/fixed-lag.yaml").resolve())
SLEEP, SURGE = "pod.pre_stop_sleep_s", "deployment.max_surge"


def albsim(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("swept") / "r.csv")
    vary = ["--vary", f"{SLEEP}=0:20:10", "--vary", f"{SURGE}=1,25%"]
    assert albsim("sweep", SCENARIO, *vary, "--replications", "2", "--workers", "1", "--out", path).exit_code == 0
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--x", SLEEP, "--hue", SURGE],
        ["--hue", SURGE, "--y", "rollout_s"],
        ["--heatmap", SLEEP, SURGE, "--y", "responses.502"],
        ["--lag", "--where", f"{SURGE}=25%"],
        ["--causes", "--x", SURGE, "--where", f"{SLEEP}=0"],
    ],
)
def test_it_draws(swept: str, tmp_path: Path, arguments: list[str]) -> None:
    result = albsim("plot", swept, *arguments, "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 0, result.output
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "p.png"], "say with --x which key"),
        (["--x", SLEEP, "-o", "p.png"], "is varied too"),
        (["--x", SLEEP, "--hue", SURGE, "-o", "p.gif"], "must end in .png, .svg, .pdf"),
        (["--where", "x", "-o", "p.png"], "expected KEY=VALUE"),
        (["--race", "-o", "p.png"], "say with --x which key"),
    ],
)
def test_wrong_input_is_refused(
    swept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = albsim("plot", swept, *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_sweeps_race_in_one_picture(swept: str, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    result = albsim("plot", swept, swept, "--race", "--x", SURGE, "--where", f"{SLEEP}=10", "-o", str(picture))

    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_two_sweeps_make_no_other_picture(swept: str, tmp_path: Path) -> None:
    result = albsim("plot", swept, swept, "--x", SURGE, "--where", f"{SLEEP}=10", "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 2
    assert "one FILE for one picture" in result.stderr


def test_a_file_that_is_no_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    result = albsim("plot", str(tmp_path / "r.csv"), "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 2
    assert "expected a sweep's results" in result.stderr


@pytest.mark.parametrize("kind", ["--lag", "--causes"])
def test_it_draws_a_scenario_s_rollouts(tmp_path: Path, kind: str) -> None:
    changes = ["--replications", "2", "--seed", "5", "--set", "pod.pre_stop_sleep_s=4", "--workers", "1"]
    for name in ("p.svg", "again.svg"):
        result = albsim("plot", SCENARIO, kind, *changes, "-o", str(tmp_path / name))
        assert result.exit_code == 0, result.output

    picture = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "fixed-lag" in picture
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == picture


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "of a scenario there are --lag and --causes"),
        (["--lag", "--x", SLEEP], "x: it is about what a sweep varies"),
        (["--lag", "--set", "pod.nothing=1"], "unknown key"),
        (["--lag", "--replications", "0"], "replications: expected"),
    ],
)
def test_of_a_scenario_there_are_two_pictures(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = albsim("plot", SCENARIO, *arguments, "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [("--y", "requests"), ("--hue", SURGE), ("--heatmap", SURGE, SLEEP)])
def test_a_picture_of_its_own_takes_no_other_s_options(swept: str, tmp_path: Path, option: tuple[str, ...]) -> None:
    result = albsim("plot", swept, "--causes", "--x", SURGE, *option, "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 2
    assert f"{option[0].removeprefix('--')}: --causes has its own figures" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_s_results_cannot_be_changed(swept: str, tmp_path: Path) -> None:
    result = albsim("plot", swept, "--lag", "--seed", "0", "-o", str(tmp_path / "p.png"))

    assert result.exit_code == 2
    assert "seed: a scenario can be changed, not a sweep's results" in result.stderr


@pytest.mark.slow
def test_a_picture_s_footer_ends_with_the_version_that_the_program_says(
    swept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr("sim.report.pictures.canvas.save", lambda picture, _: saved.append(picture))
    out = ["-o", str(tmp_path / "p.png")]
    for arguments in (
        ["plot", swept, "--x", SLEEP, "--hue", SURGE],
        ["plot", swept, "--heatmap", SLEEP, SURGE],
        ["plot", swept, "--lag", "--where", f"{SURGE}=25%"],
        ["plot", swept, "--causes", "--x", SURGE, "--where", f"{SLEEP}=0"],
        ["plot", swept, "--race", "--x", SLEEP, "--where", f"{SURGE}=25%"],
        ["plot", SCENARIO, "--lag", "--replications", "2", "--workers", "1"],
        ["plot", SCENARIO, "--causes", "--replications", "2", "--workers", "1"],
        ["recommend", SCENARIO, "--replications", "2", "--at-most", "2", "--workers", "1"],
    ):
        assert albsim(*arguments, *out).exit_code == 0, arguments
    version, what_it_is = albsim("--version").output.splitlines()

    assert re.fullmatch(r"albsim 0\.1\.0\+[0-9a-f]{12}", version)
    assert what_it_is.startswith("After the +: a digest of the model's source")
    assert [picture.get_supxlabel().split("; ")[-1] for picture in saved] == [version] * 8
