"""What experts advise for the preStop sleep, the grace period and the deregistration delay, applied to a scenario.

Each rule sets the keys that it names and leaves the rest. A rule that names no grace period gets one at least 20 s
longer than the sleep, as in EKS Best Practices.

Sources: docs/facts/alb.md §6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

    Settings = dict[str, object]

PRE_STOP = "pod.pre_stop_sleep_s"
RETRIES = "controller.aws_max_retries"
GRACE = "pod.termination_grace_period_s"
DELAY = "target_group.deregistration_delay_s"
_GRACE_MARGIN_S = 20.0


class Rule(NamedTuple):
    """A rule in words, its author, and the settings that it gives for a scenario, or None where it does not apply."""

    words: str
    source: str
    settings: Callable[[Scenario], Settings | None]


def _fixed(
    sleep_s: float, grace_s: float | None = None, delay_s: float | None = None
) -> Callable[[Scenario], Settings]:
    def settings(scenario: Scenario) -> Settings:
        chosen = _with_sleep(scenario, sleep_s)
        given: Settings = {GRACE: grace_s, DELAY: delay_s}
        return chosen | {key: value for key, value in given.items() if value is not None}

    return settings


def _above_the_delay(scenario: Scenario) -> Settings:
    return _with_sleep(scenario, scenario.target_group.deregistration_delay_s + 1)


def _delay_and_propagation(scenario: Scenario) -> Settings:
    return _with_sleep(scenario, scenario.target_group.deregistration_delay_s + 11)


def _health_checks(scenario: Scenario) -> Settings | None:
    check = scenario.target_group.health_check
    return None if check is None else {PRE_STOP: check.interval_s * check.unhealthy_threshold + 15, GRACE: 90.0}


def _with_sleep(scenario: Scenario, sleep_s: float) -> Settings:
    return {PRE_STOP: sleep_s, GRACE: max(scenario.pod.termination_grace_period_s, sleep_s + _GRACE_MARGIN_S)}


RULES = (
    Rule("no preStop hook", "the manifest's default", _fixed(0.0)),
    Rule("sleep 5", "cloudpilot.ai", _fixed(5.0)),
    Rule("sleep 10", "EKS Best Practices, current", _fixed(10.0)),
    Rule("sleep 18, grace 45, delay 25", "somaz", _fixed(18.0, 45.0, 25.0)),
    Rule("sleep 40 < grace 50 < idle timeout 60", "dingyu.dev", _fixed(40.0, 50.0)),
    Rule(
        "sleep ≥ health-check interval * unhealthy threshold + 15, grace 90", "quay pull request 6871", _health_checks
    ),
    Rule("sleep 180, grace 200, delay 30", "EKS Best Practices, 2022", _fixed(180.0, 200.0, 30.0)),
    Rule("sleep > deregistration delay", "rancher pull request 36819, ingress-nginx 11891", _above_the_delay),
    Rule("sleep = deregistration delay + 10 (propagation) + 1", "LBC issue 1719", _delay_and_propagation),
)
