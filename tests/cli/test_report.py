"""The command `report`: one page with everything in it, the numbers of `run`, and one script that its policy names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from sim.cli import main
from sim.scenario.loading import load_scenario
from sim.scenario.specs import Scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FIXED_LAG = str(SCENARIOS / "fixed-lag.yaml")
FEW = ("--replications", "3", "--workers", "1")
VOID = {"meta", "img", "input", "source"}
HOSTILE = "<script>alert(1)<&script> \"'{{ 7*7 }} $^^$"


class Page(HTMLParser):
    """What is in a page: every tag with its attributes, and the text inside each element with an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.cells: list[str] = []
        self._of: list[str | None] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self._of.append(dict(attrs).get("id") or tag)
            if tag in {"th", "td"}:
                self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._of.pop()

    def handle_data(self, data: str) -> None:
        for name in self._of:
            self.text[str(name)] = self.text.get(str(name), "") + data
        if self.open and self.open[-1] in {"th", "td"}:
            self.cells[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def albsim(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def written(path: Path, *arguments: str) -> str:
    result = albsim("report", *arguments, "-o", path)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("report") / "r.html", FIXED_LAG, *FEW)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


@pytest.mark.slow
def test_it_is_whole_html(text: str, page: Page) -> None:
    assert text.startswith("<!DOCTYPE html>\n")
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    assert page.text["title"] == "fixed-lag: 502s of a rollout"
    assert page.text["h1"] == "fixed-lag"


def policy(page: Page) -> str:
    (content,) = (str(meta["content"]) for meta in page.all("meta") if "http-equiv" in meta)
    return content


def test_nothing_is_fetched_and_one_script_runs(text: str, page: Page) -> None:
    assert "http:" not in text
    assert "https:" not in text
    assert page.all("script") == [{}]
    digest = base64.b64encode(hashlib.sha256(page.text["script"].encode()).digest()).decode()
    assert policy(page) == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "iframe", "object", "embed", "base"})
    anchors = {str(element["id"]) for _, element in page.tags if "id" in element}
    links = [str(link["href"]) for link in page.all("a")]
    assert links, "a table of contents"
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= anchors
    assert all(link.startswith("#") for link in links)
    assert all(str(image["src"]).startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.slow
def test_without_sliders_nothing_runs(tmp_path: Path) -> None:
    page = Page(written(tmp_path / "r.html", FIXED_LAG, *FEW, "--no-sliders"))
    assert not page.all("script")
    assert not page.all("input")
    assert "script-src" not in policy(page)
    assert page.cells[page.cells.index("Command") + 1].endswith("--no-sliders -o FILE.html")


@pytest.mark.slow
def test_where_no_sleep_decides_the_sliders_say_so(tmp_path: Path) -> None:
    switch = ("--set", "disruption=cluster_switch", "--set", "traffic.arrival_rate_rps=1")
    told = Page(written(tmp_path / "r.html", FIXED_LAG, *FEW, *switch)).text["play"]
    assert "No preStop sleep decides it, but how long the old side is kept." in told


def test_the_sliders_show_what_run_gives(page: Page) -> None:
    """A fixed lag has no retries: one slider. At its own sleep (0 s) and at 20 s, of all three rollouts."""
    assert [slider["name"] for slider in page.all("input")] == ["sleep"]
    sleeps = str(page.all("input")[0]["data-values"]).split()
    words = {
        sleeps[int(str(cell["data-sleep"]))]: cell["data-words"] for cell in page.all("td") if "data-words" in cell
    }
    assert [*words] == sleeps == ["0", "10", "20", "30", "45", "60", "90", "120", "180", "300"]
    for sleep, said in words.items():
        changed = ("--set", f"pod.pre_stop_sleep_s={sleep}", "--set", "pod.termination_grace_period_s=900")
        (run,) = json.loads(albsim("run", FIXED_LAG, *FEW, *changed, "--format", "json").stdout)
        any_502, median = 100 * run["any_502"]["fraction"], run["responses_502"]["p50"]["value"]
        share, of_half = re.findall(r"([\d.,≈]+) % of 3 rollouts|the median one has ([\d.,≈]+),", str(said))
        assert float(share[0].replace("≈0", "0")) == pytest.approx(any_502, rel=0.005, abs=1e-6)
        assert float(of_half[1].replace(",", "").replace("≈0", "0")) == pytest.approx(median, rel=0.005, abs=1e-6)


def test_every_picture_is_svg_without_references_and_has_its_words(page: Page) -> None:
    images = page.all("img")
    assert len(images) == len(page.all("figcaption")) - 1 == 4
    assert all(len(str(image["alt"])) > 20 for image in images)
    for source in [*(image["src"] for image in images), *(source["srcset"] for source in page.all("source"))]:
        svg = base64.b64decode(str(source).partition(",")[2])
        for element in ET.fromstring(svg).iter():  # noqa: S314 - our own
            references = [value for name, value in element.attrib.items() if name.endswith("href")]
            assert all(reference.startswith(("#", "data:")) for reference in references)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["sampled", "expected"])
def test_the_numbers_are_those_of_run(tmp_path: Path, estimator: str) -> None:
    chosen = (
        FIXED_LAG,
        *FEW,
        "--estimator",
        estimator,
        "--seed",
        "9",
        "--set",
        "pod.pre_stop_sleep_s=4",
        "--no-sliders",
    )
    of_report = json.loads(Page(written(tmp_path / "r.html", *chosen)).text["figures"])
    assert of_report == json.loads(albsim("run", *chosen[:-1], "--format", "json").stdout)


def test_the_story_is_that_of_the_worst_replication(page: Page) -> None:
    told = albsim("explain", FIXED_LAG, *FEW, "--worst").stdout
    assert page.text["story"] == told.removesuffix("\n")


def test_the_scenario_and_where_it_comes_from(page: Page) -> None:
    scenario = page.text["scenario"]
    assert Scenario.model_validate(yaml.safe_load(scenario)) == load_scenario(FIXED_LAG).with_overrides(
        {"replications": 3}
    )
    tail = page.cells[page.cells.index("Command") :]
    provenance = dict(zip(tail[::2], tail[1::2], strict=True))
    assert provenance["Command"] == f"albsim report {FIXED_LAG} --replications 3 -o FILE.html"
    assert (provenance["Seed"], provenance["Replications"], provenance["Estimator"]) == ("3", "3", "expected")
    assert provenance["SHA-256 of the scenario, every key"] == hashlib.sha256(scenario.encode()).hexdigest()
    at = page.cells.index("controller.deregistration_lag_s")
    assert page.cells[at : at + 3] == ["controller.deregistration_lag_s", "10", "null"]


def test_the_warnings_are_those_of_check(page: Page) -> None:
    _, *warnings = " ".join(albsim("check", FIXED_LAG).stdout.split()).split(" warning: ")
    assert warnings
    assert page.text["ul"].split("\n")[1:-1] == [warning.replace(": ", " ", 1) for warning in warnings]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, text: str) -> None:
    assert written(tmp_path / "another.html", FIXED_LAG, *FEW[:2], "--workers", "2", "--quiet") == text


@pytest.mark.slow
def test_what_the_author_wrote_is_text(tmp_path: Path) -> None:
    hostile = tmp_path / "<b>.yaml"
    raw = yaml.safe_load(Path(FIXED_LAG).read_text(encoding="utf-8"))
    raw |= {"name": HOSTILE, "description": "</p><img src=x onerror=alert(1)>"}
    hostile.write_text(yaml.safe_dump(raw), encoding="utf-8")
    text = written(tmp_path / "r.html", str(hostile), *FEW)

    page = Page(text)
    assert text.count("<script") == 1
    assert "alert" not in page.text["script"]
    assert page.text["h1"] == HOSTILE
    assert page.open == []
    assert len(page.all("img")) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((FIXED_LAG, "-o", "missing/r.html"), "is no directory"),
        ((FIXED_LAG, "-o", "r.pdf"), "must end in .html"),
        ((FIXED_LAG,), "Missing option '-o'"),
        ((FIXED_LAG, "--set", "pod.nothing=1", "-o", "r.html"), "unknown key"),
        ((str(SCENARIOS / "black-hole.yaml"), "--estimator", "expected", "-o", "r.html"), "least_outstanding_requests"),
    ],
)
def test_wrong_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = albsim("report", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []
