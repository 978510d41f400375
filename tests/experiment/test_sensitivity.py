from concurrent.futures import Executor, Future

import pytest

from sim.experiment.least_sleep import need_of
from sim.experiment.recommend import least_sleep_s
from sim.experiment.sensitivity import answer, sensitivity
from sim.experiment.unknowns import Unknown, given_range, unknowns_of
from sim.experiment.with_sleep import WithSleep, longest_request_s
from sim.experiment.with_values import base_value, with_values
from sim.scenario.loading import load_scenario
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario

LAG = Unknown(key="controller.deregistration_lag_s", low=0, high=10)
PROPAGATION = Unknown(key="target_group.propagation_s", low=0, high=20)
STARTUP = Unknown(key="pod.startup_s", low=1, high=2)


class Here(Executor):
    def submit(self, fn, /, *args, **kwargs):  # noqa: ANN002, ANN003, ANN201
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def scenario(**changes: object) -> Scenario:
    return Scenario(
        name="sums",
        replications=1,
        traffic={"arrival_rate_rps": 50},
        deployment={"replicas": 2},
        controller={"version": "fixed_lag", "deregistration_lag_s": 5},
        endpoints={"propagation_s": 0},
        target_group={"propagation_s": 8},
        pod={"on_sigterm": "drain"},
    ).with_overrides(changes)


@pytest.mark.slow
def test_of_a_sum_the_shares_are_those_of_the_variances() -> None:
    found = sensitivity(scenario(), (LAG, PROPAGATION, STARTUP), of="pre_stop_sleep", points=32, executor=Here())
    assert found.base == pytest.approx(13)
    first, second, third = found.influences
    # Uniform laws of widths 20 and 10: variances of 400/12 and 100/12. The sleep is their sum.
    assert (first.unknown, second.unknown) == (PROPAGATION, LAG)
    assert (first.at_low, first.at_high) == pytest.approx((5, 25))
    assert (second.at_low, second.at_high) == pytest.approx((8, 18))
    assert first.first_order == pytest.approx(0.8, abs=0.05)
    assert first.total == pytest.approx(0.8, abs=0.05)
    assert second.total == pytest.approx(0.2, abs=0.05)
    # A later deletion meets other requests: hardly ever does that move the sleep by its whole second.
    assert (third.swing, third.total) == pytest.approx((0, 0), abs=1e-3)


@pytest.mark.parametrize(("widths", "points", "sure"), [((20, 5), 64, True), ((10, 10), 256, False)])
def test_points_are_doubled_until_it_is_sure_who_leads(
    monkeypatch: pytest.MonkeyPatch, widths: tuple[float, float], points: int, *, sure: bool
) -> None:
    unknowns = [Unknown(key=one.key, low=0, high=width) for one, width in zip((PROPAGATION, LAG), widths, strict=True)]
    monkeypatch.setattr("sim.experiment.sensitivity.with_values", lambda _, values: sum(values.values()))
    monkeypatch.setattr("sim.experiment.sensitivity.answer", lambda _, value: value if isinstance(value, float) else 0)
    told: list[tuple[int, int]] = []
    found = sensitivity(scenario(), unknowns, of="rollout_s", executor=Here(), on_progress=lambda *of: told.append(of))
    assert (found.points, found.is_sure) == (points, sure)
    assert told[-1] == (found.n_points, found.n_points)
    assert found.n_points == 5 + 4 * points


def test_what_changes_nothing_has_no_share() -> None:
    found = sensitivity(scenario(), (STARTUP,), of="pre_stop_sleep", points=4, executor=Here())
    assert (found.influences[0].first_order, found.influences[0].total) == (0, 0)


@pytest.mark.slow
def test_the_sleep_is_the_one_that_recommend_finds() -> None:
    """With few requests rollouts need less than their slowest pod's time in rotation, 13 s; the 19th of 20 counts."""
    few = scenario(**{"traffic.arrival_rate_rps": 0.5, "replications": 20})
    further_s = longest_request_s(few)
    sleeps_s = [need_of(WithSleep(few), 0, further_s, 60, number).least_s for number in range(few.replications)]
    assert least_sleep_s(few) == answer("pre_stop_sleep", few) == sorted(sleeps_s)[18]
    assert min(sleeps_s) < 10


def test_502s_are_an_answer_too() -> None:
    found = sensitivity(scenario(), (STARTUP, LAG), of="responses.502", points=4, executor=Here())
    # Each of two pods refuses from its deletion on for the lag and 8 s more: more requests with more of it.
    assert found.influences[0].unknown == LAG
    assert found.influences[0].at_high > found.influences[0].at_low > 0


def test_a_law_is_stretched_to_a_median_and_keeps_its_shape() -> None:
    given = scenario(**{"target_group.propagation_s": {"dist": "lognormal", "median": 10, "p95": 20}})
    stretched = with_values(given, {PROPAGATION: 5}).target_group.propagation_s
    assert float(stretched.ppf(0.5)) == pytest.approx(5)
    assert float(stretched.ppf(0.95)) == pytest.approx(10)


def test_of_a_law_that_is_0_the_value_takes_the_place() -> None:
    none = scenario(**{"target_group.propagation_s": 0})
    assert with_values(none, {PROPAGATION: 5}).target_group.propagation_s.ppf([0.1, 0.9]) == pytest.approx([5, 5])
    assert base_value(with_values(none, {PROPAGATION: 0}), PROPAGATION) == 0


def test_a_tail_and_a_median_are_set_together() -> None:
    given = scenario(**{"target_group.propagation_s": {"dist": "lognormal", "median": 10, "p95": 20}})
    tail = Unknown(key="target_group.propagation_s.p95", low=15, high=60)
    both = with_values(given, {PROPAGATION: 5, tail: 40}).target_group.propagation_s
    assert float(both.ppf(0.5)) == pytest.approx(5)
    assert float(both.ppf(0.95)) == pytest.approx(20)


def test_keys_that_the_scenario_gives_are_known() -> None:
    keys = [unknown.key for unknown in unknowns_of(scenario())]
    assert "target_group.propagation_s" not in keys
    assert "target_group.propagation_s.p95" not in keys
    assert "pod.startup_s" in keys


def test_the_duration_is_an_answer_too() -> None:
    """Two pods, one at a time: each second of startup is one of the rollout, whatever the lag."""
    found = sensitivity(scenario(), (STARTUP, LAG), of="rollout_s", points=4, executor=Here())
    assert found.influences[0].unknown == STARTUP
    assert found.influences[0].first_order > 0.9


@pytest.mark.parametrize(
    ("kind", "own"), [("cluster_autoscaler", {"decision_s", "asg_lag_s"}), ("karpenter", {"fleet_s"}), ("none", set())]
)
def test_the_assumed_laws_of_nodes_and_autoscalers_are_unknown_where_they_matter(kind: str, own: set[str]) -> None:
    """docs/facts/capacity.md: the priors that are judgement, [D] of §1 to §3."""
    nodes = {"instance_type": "c5.large", "count": 3, "pod_cpu_m": 100}
    of_nodes = scenario(nodes=nodes, vpc_cni={}, autoscaler={"kind": kind})
    keys = {unknown.key for unknown in unknowns_of(of_nodes)} - {unknown.key for unknown in unknowns_of(scenario())}
    of_any = {"launch_to_ready_s", "image_pull_s"} if own else set()
    assert keys == {
        "nodes.daemonset_pods",
        "nodes.daemonset_cpu_m",
        "vpc_cni.assign_latency_s",
        "vpc_cni.new_eni_latency_s",
        *(f"autoscaler.{name}" for name in own | of_any),
    }


def test_the_image_is_unknown_where_a_new_cluster_s_nodes_pull_it() -> None:
    stands = scenario(nodes={"instance_type": "c5.large", "count": 3}, disruption="cluster_switch")
    comes = stands.with_overrides({"cluster_switch.new_pods_created_at_s": -60})
    keys = [{unknown.key for unknown in unknowns_of(one)} for one in (stands, comes)]
    assert keys[1] - keys[0] == {"autoscaler.image_pull_s"}


def test_every_unknown_can_be_set_at_both_ends() -> None:
    plain = Scenario(
        name="plain",
        traffic={"arrival_rate_rps": 50},
        deployment={"replicas": 2},
        nodes={"instance_type": "c5.large", "count": 3, "pod_cpu_m": 100},
        vpc_cni={},
        autoscaler={"kind": "cluster_autoscaler"},
    )
    for unknown in unknowns_of(plain):
        assert unknown.low < (base_value(plain, unknown) or unknown.low + 1) + unknown.high
        for end in (unknown.low, unknown.high):
            changed = with_values(plain, {unknown: end})
            assert base_value(changed, unknown) == pytest.approx(end)


def test_a_key_that_no_scenario_has_is_refused() -> None:
    with pytest.raises(ScenarioError, match="unknown key"):
        with_values(scenario(), {given_range("pod.start", 1, 2): 1})


@pytest.mark.slow
def test_the_clients_of_a_switch_are_unknown_in_a_switch_alone() -> None:
    scenario = load_scenario("scenarios/fixed-lag.yaml")
    switch = scenario.with_overrides({"disruption": "cluster_switch", "cluster_switch.stale_s": 100})
    theirs = {f"cluster_switch.{key}" for key in ("stale_fraction", "kept_alive_fraction")}
    assert {one.key for one in unknowns_of(switch)} - {one.key for one in unknowns_of(scenario)} == theirs
    fewer, more = (answer("failed", switch.with_overrides({"cluster_switch.stale_fraction": q})) for q in (0.05, 0.1))
    assert more == pytest.approx(2 * fewer, rel=0.1)
