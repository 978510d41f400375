"""Which scenarios have an expectation in closed form: those of which each request ends by itself.

Refused by name, because requests depend on each other:
- `target_group.routing: least_outstanding_requests`;
- `pod.concurrency`;
- `target_group.connection_reuse` where a pool changes what becomes of a request. So it is with a keep-alive below the
  ALB's idle timeout, idle connections that are served at SIGTERM, worker nodes, and a lost node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.specs import Scenario

_MARGIN_S = 1.0
"""A keep-alive that is longer than the ALB's idle timeout by this is never raced, whatever the round trip."""


def require_expectable(scenario: Scenario) -> None:
    """Raise ScenarioError, with every key that is the reason, if a scenario has no expectation in closed form."""
    problems = [
        Problem(
            key=key,
            found=f"{shown(value)} has no expectation in closed form",
            hint="the estimator 'sampled' can do it",
        )
        for key, value in _without_form(scenario)
    ]
    if problems:
        raise ScenarioError(problems)


def _without_form(scenario: Scenario) -> Iterator[tuple[str, object]]:
    """Yield the keys and values for which requests depend on each other."""
    if scenario.target_group.routing == "least_outstanding_requests":
        yield "target_group.routing", scenario.target_group.routing
    if scenario.pod.concurrency is not None:
        yield "pod.concurrency", scenario.pod.concurrency
    if scenario.target_group.connection_reuse and not _pools_change_nothing(scenario):
        yield "target_group.connection_reuse", scenario.target_group.connection_reuse


def _pools_change_nothing(scenario: Scenario) -> bool:
    """Return whether each request ends as it would on a connection of its own.

    So it is where pods close their connections with their listener, and none before the ALB does.
    """
    pod, target_group = scenario.pod, scenario.target_group
    keep_alive_s = pod.keep_alive_timeout_s
    races = keep_alive_s is not None and keep_alive_s < target_group.idle_timeout_s + _MARGIN_S
    serves_idle = pod.on_sigterm == "drain" and pod.idle_connections_at_sigterm == "serve"
    stays_with_pod = target_group.target_type == "instance"
    return not (races or serves_idle or stays_with_pod or scenario.disruption == "node_lost")
