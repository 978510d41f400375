"""Settings that are possible but unwise: they run, with a warning that says why.

Each rule looks at one thing and gives its reason. Rules say what can be seen without a simulation. What a setting costs
in 502s is for the simulation to say.

Sources: K8s is kubernetes/kubernetes, LBC kubernetes-sigs/aws-load-balancer-controller, AWS its documentation of
Elastic Load Balancing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.advice_on_controllers import ON_CONTROLLERS
from sim.scenario.advice_on_kubernetes import ON_KUBERNETES
from sim.scenario.advice_on_requests import ON_REQUESTS
from sim.scenario.advice_on_switches import ON_SWITCHES
from sim.scenario.advice_on_waits import ON_WAITS
from sim.scenario.controller import FIXED_LAG
from sim.scenario.problems import Advice, plain
from sim.scenario.releases import IngressControllerRelease, first
from sim.scenario.releases.release import WEB_ACLS_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.scenario.specs import Scenario

_RARE = 0.001
_SHARE_OF_LATE_NODES = 0.01
_KUBELET_FLOOR_S = 2
_LIMITS_OF_AWS = {
    "slow_start_s": (30, 900),
    "deregistration_delay_s": (0, 3600),
    "idle_timeout_s": (1, 4000),
    "health_check.interval_s": (5, 300),
    "health_check.timeout_s": (2, 120),
    "health_check.healthy_threshold": (2, 10),
    "health_check.unhealthy_threshold": (2, 10),
}
"""The ranges that AWS accepts for the keys of `target_group`."""


def advise(scenario: Scenario) -> list[Advice]:
    """Return what is unwise in a valid scenario, with the reasons."""
    return [advice for rule in _RULES for advice in rule(scenario)]


def _pre_stop_against_grace(scenario: Scenario) -> Iterator[Advice]:
    pod = scenario.pod
    left = pod.termination_grace_period_s - pod.pre_stop_sleep_s
    if pod.pre_stop_sleep_s and left <= 0:
        yield Advice(
            "pod.pre_stop_sleep_s",
            f"{plain(pod.pre_stop_sleep_s)} s is not below the grace period, "
            f"{plain(pod.termination_grace_period_s)} s, in which preStop runs. The kubelet stops waiting when that is "
            "over, sends SIGTERM, and SIGKILL 2 s later (K8s killContainer)",
        )
    elif pod.pre_stop_sleep_s and left < _KUBELET_FLOOR_S:
        yield Advice(
            "pod.termination_grace_period_s",
            f"preStop leaves {plain(left)} s of the grace period: the server has about 2 s from SIGTERM to SIGKILL, "
            "the least that the kubelet gives (K8s minimumGracePeriodInSeconds)",
        )


def _no_pre_stop(scenario: Scenario) -> Iterator[Advice]:
    pod = scenario.pod
    if not pod.pre_stop_sleep_s and not pod.serve_after_sigterm_s and pod.on_sigterm != "ignore":
        yield Advice(
            "pod.pre_stop_sleep_s",
            "no preStop sleep: the pod stops at its deletion. The ALB goes on sending to it until the target is "
            "deregistered and every ALB node knows (LBC issues 1064, 2366)",
        )


def _pre_stop_against_propagation(scenario: Scenario) -> Iterator[Advice]:
    serves_s = scenario.pod.pre_stop_sleep_s + scenario.pod.serve_after_sigterm_s
    late = float(scenario.target_group.propagation_s.sf(serves_s))
    by_health_check = scenario.pod.pre_stop_fails_health_check
    if serves_s and late > _SHARE_OF_LATE_NODES and not by_health_check and scenario.pod.on_sigterm != "ignore":
        yield Advice(
            "pod.pre_stop_sleep_s",
            f"a deleted pod serves for {plain(serves_s)} s. In {late:.0%} of cases an ALB node needs longer than that "
            "to stop sending, even if DeregisterTargets succeeds at once (target_group.propagation_s; LBC issue 2366)",
        )


def _grace_against_requests(scenario: Scenario) -> Iterator[Advice]:
    pod, service_time_s = scenario.pod, scenario.traffic.service_time_s
    left = pod.termination_grace_period_s - pod.pre_stop_sleep_s - pod.serve_after_sigterm_s
    longer = float(service_time_s.sf(max(left, _KUBELET_FLOOR_S)))
    if pod.on_sigterm == "drain" and longer > _RARE:
        yield Advice(
            "pod.termination_grace_period_s",
            f"{longer:.2%} of requests take longer than a draining pod has until SIGKILL, which cuts them",
        )


def _serving_after_sigterm(scenario: Scenario) -> Iterator[Advice]:
    pod = scenario.pod
    if pod.on_sigterm == "ignore" and pod.serve_after_sigterm_s:
        yield Advice(
            "pod.serve_after_sigterm_s", "has no effect: with on_sigterm 'ignore' the pod serves until SIGKILL"
        )
    elif (
        pod.serve_after_sigterm_s and pod.pre_stop_sleep_s + pod.serve_after_sigterm_s > pod.termination_grace_period_s
    ):
        yield Advice(
            "pod.serve_after_sigterm_s", "preStop and this together outlast the grace period: SIGKILL comes first"
        )


def _deregistration_delay(scenario: Scenario) -> Iterator[Advice]:
    delay_s = scenario.target_group.deregistration_delay_s
    longer = float(scenario.traffic.service_time_s.sf(delay_s))
    if longer > _RARE:
        yield Advice(
            "target_group.deregistration_delay_s",
            f"{longer:.2%} of requests take longer than {plain(delay_s)} s; one that still runs then gets 502 (AWS, "
            "load-balancer-troubleshooting)",
        )


def _idle_timeout(scenario: Scenario) -> Iterator[Advice]:
    timeout_s = scenario.target_group.idle_timeout_s
    longer = float(scenario.traffic.service_time_s.sf(timeout_s))
    if longer > _RARE:
        yield Advice(
            "target_group.idle_timeout_s",
            f"{longer:.2%} of requests take longer than {plain(timeout_s)} s and get 504 at any time (AWS, "
            "idle_timeout.timeout_seconds)",
        )


def _health_check_exit(scenario: Scenario) -> Iterator[Advice]:
    pod, check = scenario.pod, scenario.target_group.health_check
    if not pod.pre_stop_fails_health_check:
        return
    if check is None:
        yield Advice("pod.pre_stop_fails_health_check", "has no effect without target_group.health_check")
        return
    detection_s = check.interval_s * check.unhealthy_threshold
    if pod.pre_stop_sleep_s < detection_s:
        yield Advice(
            "pod.pre_stop_fails_health_check",
            f"an ALB node needs up to {plain(detection_s)} s to see the failing check (unhealthy_threshold intervals), "
            f"longer than preStop's {plain(pod.pre_stop_sleep_s)} s",
        )


def _health_check_values(scenario: Scenario) -> Iterator[Advice]:
    check = scenario.target_group.health_check
    given = check.model_fields_set if check else set()
    planned = scenario.disrupted_by.planned
    if "timeout_s" in given and planned:
        yield Advice(
            "target_group.health_check.timeout_s", "has no effect: the port of a pod that ends refuses at once"
        )
    if check and check.timeout_s >= check.interval_s:
        yield Advice("target_group.health_check.timeout_s", "AWS takes a timeout below the interval only")
    if "healthy_threshold" in given and planned:
        yield Advice(
            "target_group.health_check.healthy_threshold",
            "has no effect: one check makes a new target healthy, and a terminating pod does not recover",
        )


def _waf(scenario: Scenario) -> Iterator[Advice]:
    release = scenario.controller.release
    if isinstance(release, IngressControllerRelease) and not release.keeps_answers_s.keys() & WEB_ACLS_S.keys():
        remembers = first(lambda later: later.keeps_answers_s == WEB_ACLS_S)
        yield Advice(
            "controller.version",
            f"{scenario.controller.version} calls WAF Regional in every reconcile, which the account may do once per "
            f"second; {remembers} remembers the answer for 10 minutes (LBC issue 1131, pull request 1128)",
        )


def _fixed_lag(scenario: Scenario) -> Iterator[Advice]:
    if scenario.controller.version != FIXED_LAG:
        return
    if "propagation_s" not in scenario.target_group.model_fields_set:
        yield Advice(
            "target_group.propagation_s",
            "comes on top of controller.deregistration_lag_s, with a median of "
            f"{plain(float(scenario.target_group.propagation_s.ppf(0.5)))} s: give 0 if your lags were measured until "
            "the last request came",
        )
    given = scenario.controller.model_fields_set - {"version", "deregistration_lag_s", "registration_lag_s"}
    without_effect = [f"controller.{key}" for key in sorted(given)]
    without_effect += [f"aws_api.{key}" for key in sorted(scenario.aws_api.model_fields_set)]
    for key in without_effect:
        yield Advice(key, "has no effect: with fixed_lag there are no reconciles and no AWS calls")


def _limits_of_aws(scenario: Scenario) -> Iterator[Advice]:
    for key, (least, most) in _LIMITS_OF_AWS.items():
        value: object = scenario.target_group
        for step in key.split("."):
            value = getattr(value, step, None)
        is_off = key == "slow_start_s" and value == 0
        if isinstance(value, int | float) and not is_off and not least <= value <= most:
            yield Advice(f"target_group.{key}", f"AWS takes {least} to {most}, not {plain(value)}")


_RULES: tuple[Callable[[Scenario], Iterator[Advice]], ...] = (
    _no_pre_stop,
    _pre_stop_against_grace,
    _pre_stop_against_propagation,
    _grace_against_requests,
    _serving_after_sigterm,
    _health_check_exit,
    _health_check_values,
    _waf,
    *ON_WAITS,
    _fixed_lag,
    _deregistration_delay,
    _idle_timeout,
    _limits_of_aws,
    *ON_CONTROLLERS,
    *ON_REQUESTS,
    *ON_SWITCHES,
    *ON_KUBERNETES,
)
