from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from albsim_tests.reports import BY_HAND, by_hand
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from sim.control_plane.trace import PodReady, TargetDrained, TargetHealthy, TargetUnhealthy
from sim.diagnosis.findings import findings
from sim.experiment.replication import simulate
from sim.report.pictures.canvas import BLACK, GREEN, PURPLE, SKY_BLUE, VERMILION, YELLOW, save
from sim.report.pictures.gantt import (
    FAIL_OPEN,
    POINT,
    TAKEN_OUT,
    WORST_PODS,
    chosen,
    gantt,
)
from sim.report.pictures.gantt_parts import DEAD, DEREGISTERED, LEFT, MOST_PODS, POINTS_ACROSS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.diagnosis.pod_ends import PodEnd
    from sim.scenario.specs import Scenario


def _bars(axes: Axes, color: str) -> list[tuple[int, float, float]]:
    """Return the bars of a colour: row, from and until."""
    bars = []
    for collection in axes.collections:
        for path in collection.get_paths() if to_hex(collection.get_facecolor()[0]) == color.lower() else ():
            (from_s, bottom), (until_s, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            if top - bottom == pytest.approx(0.8):
                bars.append((round((bottom + top) / 2), float(from_s), float(until_s)))
    return sorted(bars)


def _marks(axes: Axes, label: str) -> list[tuple[float, float]]:
    return [(x, y) for c in axes.collections if c.get_label() == label for x, y in c.get_offsets().tolist()]


def _lines(axes: Axes, label: str) -> list[tuple[float, float, float]]:
    """Return the horizontal lines of a label: row, from and until."""
    lines = [c for c in axes.collections if isinstance(c, LineCollection) and c.get_label() == label]
    ends = [segment for line in lines for segment in line.get_segments()]
    return [(float(row), float(from_s), float(until_s)) for (from_s, row), (until_s, _) in ends]


def _labels(picture: Figure) -> set[str]:
    (legend,) = picture.legends
    return {text.get_text() for text in legend.get_texts()}


@pytest.fixture(scope="module")
def picture() -> Figure:
    return gantt(findings(by_hand()))


def test_phases_by_hand(picture: Figure) -> None:
    """Rows are pods 0, 1 and 2, in the order of their deletion; each exits at SIGTERM."""
    pods = picture.axes[0]
    assert [label.get_text() for label in pods.get_yticklabels()] == ["0", "1", "2"]
    assert _bars(pods, SKY_BLUE) == [(1, 0, 2), (2, 0, 4)]
    assert _bars(pods, YELLOW) == [(0, 0, 10), (1, 2, 12), (2, 4, 14)]
    assert _bars(pods, PURPLE) == []
    assert _bars(pods, VERMILION) == [(0, 10, 15), (2, 14, 30)]


def test_a_pod_that_came_later_serves_from_when_it_is_ready() -> None:
    """Pod 2 is Ready at 3 s, and is deleted at 4 s; pod 1 when it is deleted already, at 2 s."""
    pods = gantt(findings(by_hand([*BY_HAND, PodReady(3, 2), PodReady(3, 1)]))).axes[0]
    assert _bars(pods, SKY_BLUE) == [(2, 3, 4)]
    assert _bars(pods, YELLOW) == [(0, 0, 10), (1, 2, 12), (2, 4, 14)]


def test_a_draining_pod_ends_with_its_last_request(make_scenario: Callable[..., Scenario]) -> None:
    """Every request takes 3 s, so each pod ends 3 s after it refuses new ones at the latest, not at SIGKILL, 600 s."""
    draining = make_scenario(
        traffic__service_time_s=3,
        pod__on_sigterm="drain",
        pod__pre_stop_sleep_s=10,
        pod__termination_grace_period_s=600,
        pod__serve_after_sigterm_s=0,
    )
    found = findings(simulate(draining, estimator="sampled"))
    refusing = _bars(gantt(found).axes[0], PURPLE)
    assert len(refusing) == len(found.ends)
    for (_, from_s, until_s), end in zip(refusing, chosen(found.ends), strict=True):
        assert from_s == pytest.approx(end.closed_s)
        assert until_s == pytest.approx(end.ended_s)
        assert 0 < end.ended_s - end.closed_s <= 3


def test_marks_by_hand(picture: Figure) -> None:
    pods = picture.axes[0]
    assert _marks(pods, DEREGISTERED) == [(7, 0), (10, 1), (10, 2)]
    assert _marks(pods, LEFT) == [(15, 0), (11.5, 1), (30, 2)]


def test_health_checks_take_a_target_out_when_they_have_failed_at_the_last_node(picture: Figure) -> None:
    """Pod 2 is unhealthy at 24 s and at 30 s, before its deregistration arrives; pods 0 and 1 are deregistered."""
    assert _marks(picture.axes[0], TAKEN_OUT) == [(30, 2)]
    assert _lines(picture.axes[0], FAIL_OPEN) == []
    assert TAKEN_OUT in _labels(picture)
    assert FAIL_OPEN not in _labels(picture)


def test_fail_open_is_marked_until_the_deregistration_arrives() -> None:
    """The new pod is healthy after the window only: from 30 s on no target is, and all are sent requests.

    Pod 2's deregistration arrives at 36 s and 38 s. At 30 s its checks have failed at both nodes.
    """
    others = [
        record
        for record in BY_HAND
        if not isinstance(record, TargetHealthy) and not (isinstance(record, TargetDrained) and record.pod == 2)
    ]
    late = [TargetDrained(36, 2, 0), TargetDrained(38, 2, 1), TargetHealthy(50, 3, 0), TargetHealthy(51, 3, 1)]
    picture = gantt(findings(by_hand([*others, *late])))
    assert _marks(picture.axes[0], TAKEN_OUT) == [(30, 2)]
    assert _lines(picture.axes[0], FAIL_OPEN) == [(2, 30, 38)]
    assert _marks(picture.axes[0], LEFT)[2] == (38, 2)
    assert FAIL_OPEN in _labels(picture)


def test_no_target_is_taken_out_that_has_left_every_node_before() -> None:
    """Pod 2 leaves node 0 at 24 s for its checks and node 1 at 20 s for its deregistration; node 1's fail at 30 s."""
    others = [record for record in BY_HAND if not (isinstance(record, TargetDrained) and record.pod == 2)]
    picture = gantt(findings(by_hand([*others, TargetDrained(36, 2, 0), TargetDrained(20, 2, 1)])))
    assert _marks(picture.axes[0], LEFT)[2] == (24, 2)
    assert _marks(picture.axes[0], TAKEN_OUT) == []


def test_no_target_is_taken_out_where_no_check_fails() -> None:
    healthy = [record for record in BY_HAND if not isinstance(record, TargetUnhealthy)]
    picture = gantt(findings(by_hand(healthy)))
    assert _marks(picture.axes[0], TAKEN_OUT) == []
    assert _lines(picture.axes[0], FAIL_OPEN) == []
    assert TAKEN_OUT not in _labels(picture), "what does not occur needs no explanation"


def test_points_are_the_502s_within_their_rows(picture: Figure) -> None:
    """Pod 3 is new, and its failure a 504: not drawn."""
    points = _marks(picture.axes[0], POINT)
    spot_s = 40 / POINTS_ACROSS
    assert [(x, round(y)) for x, y in points] == [
        (pytest.approx(at_s, abs=spot_s), row) for at_s, row in ((11, 0), (12.5, 0), (12.75, 0), (20, 2))
    ]
    assert all(abs(y - round(y)) < 0.4 for _, y in points)


def test_502s_per_second_and_the_controller(picture: Figure) -> None:
    _, failures, controller = picture.axes
    (stairs,) = failures.patches
    assert {second: n for second, n in enumerate(stairs.get_data().values.tolist()) if n} == {11: 1, 12: 2, 20: 1}
    assert [label.get_text() for label in controller.get_yticklabels()] == ["worker 1"]
    held_up = [bar for bar in controller.collections if bar.get_hatch()]
    assert len(held_up) == 3


def test_title_and_legend(picture: Figure) -> None:
    assert picture.get_suptitle() == "by-hand: replication 2, seed 5: 4 502s\n3 terminated pods"
    (legend,) = picture.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert {DEAD, POINT, DEREGISTERED, LEFT, "rollout complete", "serving", "reconcile"} <= set(labels)
    assert len(labels) == len(set(labels))
    assert "serving after SIGTERM" not in labels, "what does not occur needs no explanation"


def _many(n: int) -> list[PodEnd]:
    """Make pods, the worst first; pod k was deleted at k s, and the higher its number, the longer it was exposed."""
    one = findings(by_hand()).ends[0]
    return [replace(one, pod=pod, deleted_s=float(pod), exposed_s=float(pod)) for pod in reversed(range(n))]


def test_few_pods_are_all_shown() -> None:
    assert [end.pod for end in chosen(_many(MOST_PODS))] == list(range(MOST_PODS))


def test_of_many_pods_the_worst_and_an_even_sample() -> None:
    pods = [end.pod for end in chosen(_many(200))]
    assert len(pods) == MOST_PODS
    assert pods == sorted(set(pods))
    assert pods[-WORST_PODS:] == list(range(200 - WORST_PODS, 200))
    gaps = {later - earlier for earlier, later in pairwise(pods[:WORST_PODS])}
    assert (pods[0], gaps) == (0, {9, 10})


def test_no_502_and_no_reconcile() -> None:
    picture = gantt(findings(by_hand(failed=[])))
    assert "0 502s" in picture.get_suptitle()


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")])
def test_the_same_replication_gives_the_same_file(tmp_path: Path, suffix: str, magic: bytes) -> None:
    for name in ("one", "two"):
        save(gantt(findings(by_hand())), tmp_path / f"{name}{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one.startswith(magic)
    assert one == two


@pytest.mark.parametrize("name", ["picture.jpg", "picture", ".png"])
def test_another_suffix_is_refused_and_nothing_written(tmp_path: Path, picture: Figure, name: str) -> None:
    with pytest.raises(ValueError, match=r"must end in \.png, \.svg, \.pdf"):
        save(picture, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_colours_differ() -> None:
    assert len({SKY_BLUE, YELLOW, VERMILION, GREEN, PURPLE, BLACK}) == 6
