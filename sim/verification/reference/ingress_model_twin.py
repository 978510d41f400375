"""The reconcile of an ingress by aws-load-balancer-controller again, naively: a deploy that changes nothing.

Written from pkg/deploy/stack_deployer.go and the synthesizers and managers beside it, pkg/deploy/elbv2
/tagging_manager.go and pkg/networking/backend_sg_provider.go of kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from sim.verification.reference.aws_client_twin import version_of
from sim.verification.reference.goroutine_twin import Mutex

if TYPE_CHECKING:
    from sim.scenario.specs import ControllerSpec
    from sim.verification.reference.aws_client_twin import Client
    from sim.verification.reference.goroutine_twin import Goroutine, Process

ELB = "elasticloadbalancing:"
TAGS_CHUNK = 20
TAGS_ARE_KEPT_S, WEB_ACLS_ARE_KEPT_S = 1200.0, 600.0
WEB_ACLS = ("wafv2:GetWebACLForResource", "waf-regional:GetWebACLForResource")

Arn = tuple[object, ...]


class Rule(Protocol):
    """The rule of an ingress: the weight that the controller has seen last, and what the API has, by listener."""

    wanted: int
    weights: list[int]

    def modify(self, listener: int, weight: int) -> None:
        """Take over a ModifyRule."""


class IngressModels:
    """The deploys of one process. `rules` has what some ingresses ask of their rules.

    `n_target_groups` says how many each ingress has; the first one has the listeners.
    """

    def __init__(
        self, process: Process, client: Client, spec: ControllerSpec, n_target_groups: list[int], rules: dict[int, Rule]
    ) -> None:
        self._process = process
        self._client = client
        self._spec = spec
        self._version = version_of(spec.version)
        self._n_target_groups = n_target_groups
        self._rules_of = rules
        self._tags_mutex, self._group_mutex = Mutex(process), Mutex(process)
        self._known_until_s: dict[object, float] = {}
        self._has_backend_group = False

    def deploy(self, ingress: int) -> Goroutine:
        """Make the calls of a deploy."""
        call = self._client.call
        rule = self._rules_of.get(ingress)
        weight = rule.wanted if rule is not None else 0
        all_groups: list[Arn] = [("tg", i, k) for i, n in enumerate(self._n_target_groups) for k in range(n)]
        yield from self._load_balancers()
        if self._version >= (2, 3, 0):
            yield from self._backend_group()
        yield from call("ec2:DescribeSecurityGroups")
        yield from call("ec2:DescribeSecurityGroups")
        yield from call(f"{ELB}DescribeTargetGroups")
        yield from self._tags(all_groups)
        for _ in range(self._n_target_groups[ingress]):
            yield from call(f"{ELB}DescribeTargetGroupAttributes")
        yield from self._load_balancers()
        yield from call(f"{ELB}DescribeLoadBalancerAttributes")
        yield from self._listeners(ingress)
        yield from self._rules(ingress, rule, weight)
        if self._version < (2, 8, 2):
            yield from self._web_acls(ingress)

    def _listeners(self, ingress: int) -> Goroutine:
        call, n_listeners = self._client.call, self._spec.listeners
        yield from call(f"{ELB}DescribeListeners")
        yield from self._tags_of_later_versions([("listener", ingress, listener) for listener in range(n_listeners)])
        for listener in range(n_listeners):
            if listener < self._spec.https_listeners:
                yield from call(f"{ELB}DescribeListenerCertificates")
            if self._version >= (2, 10, 1):
                yield from call(f"{ELB}DescribeListenerAttributes")

    def _rules(self, ingress: int, rule: Rule | None, weight: int) -> Goroutine:
        rules = range(1 + self._n_target_groups[ingress])  # the default rule, and one for each Service
        for listener in range(self._spec.listeners):
            yield from self._client.call(f"{ELB}DescribeRules")
            yield from self._tags_of_later_versions([("rule", ingress, listener, which) for which in rules])
            if rule is not None and rule.weights[listener] != weight:
                yield from self._client.call(f"{ELB}ModifyRule", effect=partial(rule.modify, listener, weight))

    def _web_acls(self, ingress: int) -> Goroutine:
        for action in WEB_ACLS:
            if not self._knows((action, ingress)):
                yield from self._client.call(action)
                self._known_until_s[action, ingress] = self._process.agenda.now_s + WEB_ACLS_ARE_KEPT_S

    def _load_balancers(self) -> Goroutine:
        yield from self._client.call(f"{ELB}DescribeLoadBalancers")
        yield from self._tags([("lb", ingress) for ingress in range(len(self._n_target_groups))])

    def _backend_group(self) -> Goroutine:
        yield from self._group_mutex.lock()
        try:
            if not self._has_backend_group:
                yield from self._client.call("ec2:DescribeSecurityGroups")
                self._has_backend_group = True
        finally:
            self._group_mutex.unlock()

    def _tags_of_later_versions(self, arns: list[Arn]) -> Goroutine:
        if self._version >= (2, 2, 0):
            yield from self._tags(arns)

    def _tags(self, arns: list[Arn]) -> Goroutine:
        if self._version < (2, 7, 1):
            yield from self._describe_tags(arns)
            return
        yield from self._tags_mutex.lock()
        try:
            unknown = [arn for arn in arns if not self._knows(arn)]
            yield from self._describe_tags(unknown)
            self._known_until_s |= dict.fromkeys(unknown, self._process.agenda.now_s + TAGS_ARE_KEPT_S)
        finally:
            self._tags_mutex.unlock()

    def _describe_tags(self, arns: list[Arn]) -> Goroutine:
        for _ in range(0, len(arns), TAGS_CHUNK):
            yield from self._client.call(f"{ELB}DescribeTags")

    def _knows(self, what: object) -> bool:
        return self._process.agenda.now_s < self._known_until_s.get(what, float("-inf"))
