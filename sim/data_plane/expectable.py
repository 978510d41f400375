"""Which scenarios have an expectation in closed form: those of which each request ends by itself.

Refused by name, because requests depend on each other:
- `target_group.routing: least_outstanding_requests`;
- `pod.concurrency`;
- `target_group.connection_reuse` where a pool changes what becomes of a request. A pool does so with a keep-alive below
  the ALB's idle timeout, idle connections that are served at SIGTERM, worker nodes, and a lost node.

A pool is a stack. What a request finds there is a passage time of the number in service, over the last minute. Such a
passage time has a law for exponential services at a rate that never changes (`scenario.keep_alive`). For other laws the
state is all services that run, and in a disruption the rate of each pool changes with each target that comes or goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError, plain, shown

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
            hint=f"the estimator 'sampled' can do it{instead}",
        )
        for key, value, instead in _without_form(scenario)
    ]
    if problems:
        raise ScenarioError(problems)


def _without_form(scenario: Scenario) -> Iterator[tuple[str, object, str]]:
    """Yield the keys and values for which requests depend on each other, and what would have an expectation."""
    if scenario.target_group.routing == "least_outstanding_requests":
        yield "target_group.routing", scenario.target_group.routing, ""
    if scenario.pod.concurrency is not None:
        yield "pod.concurrency", scenario.pod.concurrency, ""
    instead = _what_pools_need(scenario) if scenario.target_group.connection_reuse else []
    if instead:
        would = f"; 'expected' too with {' and '.join(instead)}"
        yield "target_group.connection_reuse", scenario.target_group.connection_reuse, would


def _what_pools_need(scenario: Scenario) -> list[str]:
    """Return what would let each request end as on a connection of its own, empty where it does.

    Nothing changes where pods close their connections with their listener, and none before the ALB does.
    """
    pod, target_group = scenario.pod, scenario.target_group
    keep_alive_s, longest_s = pod.keep_alive_timeout_s, target_group.idle_timeout_s + _MARGIN_S
    instead = []
    if keep_alive_s is not None and keep_alive_s < longest_s:
        instead.append(f"pod.keep_alive_timeout_s of at least {plain(longest_s)}")
    if pod.on_sigterm == "drain" and pod.idle_connections_at_sigterm == "serve":
        instead.append("pod.idle_connections_at_sigterm 'close'")
    if target_group.target_type == "instance":
        instead.append("target_group.target_type 'ip'")
    if scenario.disruption == "node_lost":
        instead.append("no target_group.connection_reuse")
    return instead
