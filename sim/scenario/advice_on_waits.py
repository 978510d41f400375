"""Advice on how long throttled calls hold up what pods wait for: a preStop sleep, or a delay before the scale-down.

Sources: LBC is kubernetes-sigs/aws-load-balancer-controller; docs/facts/controller.md §1, §2 and §7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.blue_green import BlueGreenSpec
from sim.scenario.canary import CanarySpec
from sim.scenario.problems import Advice, plain
from sim.scenario.releases import first
from sim.scenario.retryers import LONGEST_WAITS_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.specs import Scenario

_SHARE_OF_LATE_NODES = 0.01


def _worst_waits_s(scenario: Scenario) -> list[float]:
    """Return the longest that one call's waits add up to, by the number of its repetitions, empty if not known."""
    controller = scenario.controller
    if controller.release is None or controller.retries is None:
        return []
    longest_s = LONGEST_WAITS_S.get(scenario.aws_api.retryer or controller.release.retryer)
    if longest_s is None:
        return []
    first_s, most_s = longest_s
    return [sum(min(first_s * 2**k, most_s) for k in range(retries)) for retries in range(controller.retries + 1)]


def _retries_against_pre_stop(scenario: Scenario) -> Iterator[Advice]:
    controller, pre_stop_s = scenario.controller, scenario.pod.pre_stop_sleep_s
    if controller.release is None or not pre_stop_s:
        return
    if controller.retries is None:
        since = first(lambda later: later.aws_max_retries_counts_attempts)
        yield Advice(
            "controller.aws_max_retries",
            f"0 is no limit from {since} on: {controller.version} repeats a throttled call until it succeeds, and "
            "holds its reconcile as long (aws-sdk-go-v2 aws/retry/middleware.go)",
        )
        return
    worst_s = _worst_waits_s(scenario)
    if not worst_s:
        return
    # The flag's value for as many repetitions: from v2.9 on it counts the first attempt too.
    flags = range(controller.aws_max_retries - controller.retries, controller.aws_max_retries + 1)
    fitting, fitting_s = [(flag, worst) for flag, worst in zip(flags, worst_s, strict=True) if worst <= pre_stop_s][-1]
    if fitting < controller.aws_max_retries:
        yield Advice(
            "controller.aws_max_retries",
            f"with {controller.aws_max_retries} a call throttled again and again holds its reconcile for up to "
            f"{worst_s[-1]} s, longer than preStop's {plain(pre_stop_s)} s. With {fitting} it is {fitting_s} s (the "
            "SDK's backoff; LBC issue 1048)",
        )


def _delay_against_the_way_to_the_nodes(scenario: Scenario) -> Iterator[Advice]:
    spec = scenario.disrupted_by
    if not isinstance(spec, BlueGreenSpec | CanarySpec):
        return
    key, who, delay_s = f"{spec.kind}.scale_down_delay_s", "an old pod", spec.scale_down_delay_s
    if isinstance(spec, CanarySpec) and spec.abort_after_step is not None:
        key, who, delay_s = "canary.abort_scale_down_delay_s", "a new pod", spec.abort_delay_s
    stays_s = delay_s + scenario.pod.pre_stop_sleep_s
    law_s = scenario.target_group.propagation_s
    if isinstance(spec, CanarySpec) and scenario.target_group.rule_propagation_s is not None:
        law_s = scenario.target_group.rule_propagation_s
    late = float(law_s.sf(stays_s))
    what = "rule" if isinstance(spec, CanarySpec) else "deregistration"
    serves = f"with preStop {who} serves for {plain(stays_s)} s more"
    if late > _SHARE_OF_LATE_NODES:
        yield Advice(
            key,
            f"{serves}; in {late:.0%} of cases the {what} takes longer to reach an ALB node, even if the controller "
            "calls at once",
        )
    worst_s = _worst_waits_s(scenario)
    if worst_s and worst_s[-1] > stays_s:
        yield Advice(
            key,
            f"{serves}; a call that is throttled again and again holds the {what} up for as much as "
            f"{plain(worst_s[-1])} s (controller.aws_max_retries)",
        )


ON_WAITS = (_retries_against_pre_stop, _delay_against_the_way_to_the_nodes)
