"""The ingress half of the AWS Load Balancer Controller v2.0 to v3.x: queue and workers of its own, and reads alone.

The real thing: a queue of ingress groups and three workers (`--ingress-max-concurrent-reconciles`) build the model of
one ingress and deploy it, in a fixed order of AWS calls. No pod change enqueues an ingress. A new process enqueues all
of them. A resync does so from v2.5.4 on: before, the handler of ingresses passes over what looks unchanged; those of
Services and Secrets still do.
Modelled: a deploy that changes nothing, so that every call is a read. Tags are kept for 20 min and asked for under one
lock, in chunks of 20, for every load balancer and then every target group of the VPC; web ACLs are kept for 10 min,
and from v2.8.2 on not asked for without an annotation; the shared backend security group, from v2.3 on, is asked for
once. From v2.10.1 on the attributes of each listener are read. A throttled reconcile backs off.
Assumed: each ingress is a group of its own, its subnets and certificates need no call, each Service has one rule on
each listener, the VPC holds this cluster's load balancers alone, and what no version is named for holds in all of them.
Left out: Shield, paging, `EnableRGTAPI`, the model builder's own cache of tags in early versions.
Sources: pkg/ingress/model_build_load_balancer.go, pkg/deploy/ec2/security_group_synthesizer.go, pkg/deploy/elbv2
/listener_synthesizer.go, listener_rule_synthesizer.go and load_balancer_manager.go, pkg/deploy/wafv2@043f39b947;
pkg/deploy/stack_deployer.go and pkg/deploy/elbv2/tagging_manager.go@078799d137; target_group_synthesizer.go@03986db626;
pkg/networking/backend_sg_provider.go@00175c1e29; LBC pull requests 3280 (v2.5.4), 3800 (v2.8.2) and 3948 (v2.10.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from sim.control_plane.aws.aws_api import ThrottledError
from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.work_queue import WorkQueue
from sim.control_plane.trace import NO_RECONCILE
from sim.scenario.versions import release
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sim.control_plane.aws.aws_api import AwsClient
    from sim.control_plane.controllers.ingress import Ingress
    from sim.scenario.specs import ControllerSpec
    from sim.streams import Streams

WORKERS = 3
TAGS_PER_CALL = 20
TAGS_CACHE_S = 1200.0
WEB_ACL_CACHE_S = 600.0

ELBV2 = "elasticloadbalancing"
TAGS = f"{ELBV2}:DescribeTags"
SECURITY_GROUPS = "ec2:DescribeSecurityGroups"
WEB_ACLS = ("wafv2:GetWebACLForResource", "waf-regional:GetWebACLForResource")


class IngressReconciler:
    """That half of one process. Its calls belong to no reconcile of the trace, whose reconciles are those of TGBs.

    `pause_s` is how long a worker pauses after a failure.
    """

    def __init__(
        self,
        env: simpy.Environment,
        spec: ControllerSpec,
        client: AwsClient,
        streams: Streams,
        ingresses: Sequence[Ingress],
        *,
        cluster: int,
        shared_bucket: bool,
        pause_s: float,
    ) -> None:
        self._env = env
        self._spec = spec
        self._client = client
        self._ingresses = ingresses
        self._pause_s = pause_s
        self._queue: WorkQueue[int] = WorkQueue(env, shared_bucket=shared_bucket)
        self._order = streams.generator(Stream.ENQUEUE_ORDER, cluster, 1)
        self._cache = CallCache(env, lambda action: TAGS_CACHE_S if action == TAGS else WEB_ACL_CACHE_S)
        self._tags_lock = simpy.Resource(env)
        self._backend_group_lock = simpy.Resource(env)
        number = release(spec.version)
        self._knows_backend_group = number < (2, 3, 0)
        self._asks_for_web_acls = number < (2, 8, 2)
        self._reads_listener_attributes = number >= (2, 10, 1)
        self.resyncs = number >= (2, 5, 4)

    def enqueue_all(self) -> None:
        """Enqueue every ingress, in an order by chance."""
        for place in self._order.permutation(len(self._ingresses)).tolist():
            self._queue.add(place)

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return its workers, to be run."""
        return [self._work() for _ in range(WORKERS)]

    def _work(self) -> Generator[simpy.Event]:
        while True:
            number = yield from self._queue.get()
            try:
                yield from self._reconcile(self._ingresses[number])
            except ThrottledError:
                self._queue.add_rate_limited(number)
                self._queue.done(number)
                yield self._env.timeout(self._pause_s)
            else:
                self._queue.forget(number)
                self._queue.done(number)

    def _reconcile(self, ingress: Ingress) -> Generator[simpy.Event]:
        yield from self._list_load_balancers()
        yield from self._find_backend_group()
        for _tags in ("current", "legacy"):
            yield from self._call(SECURITY_GROUPS)
        yield from self._call(f"{ELBV2}:DescribeTargetGroups")
        yield from self._read_tags([("target group", of.number, i) for of in self._ingresses for i in _places(of)])
        for _backend in ingress.backends:
            yield from self._call(f"{ELBV2}:DescribeTargetGroupAttributes")
        yield from self._list_load_balancers()
        yield from self._call(f"{ELBV2}:DescribeLoadBalancerAttributes")
        yield from self._listeners_and_rules(ingress)
        if self._asks_for_web_acls:
            for action in WEB_ACLS:
                if not self._cache.holds(action, (ingress.number,)):
                    yield from self._call(action)
                    self._cache.note(action, (ingress.number,))

    def _list_load_balancers(self) -> Generator[simpy.Event]:
        yield from self._call(f"{ELBV2}:DescribeLoadBalancers")
        yield from self._read_tags([("load balancer", of.number) for of in self._ingresses])

    def _find_backend_group(self) -> Generator[simpy.Event]:
        with self._backend_group_lock.request() as lock:
            yield lock
            if not self._knows_backend_group:
                yield from self._call(SECURITY_GROUPS)
                self._knows_backend_group = True

    def _listeners_and_rules(self, ingress: Ingress) -> Generator[simpy.Event]:
        listeners = range(self._spec.listeners)
        yield from self._call(f"{ELBV2}:DescribeListeners")
        yield from self._read_tags([("listener", ingress.number, listener) for listener in listeners])
        for listener in listeners:
            if listener < self._spec.https_listeners:
                yield from self._call(f"{ELBV2}:DescribeListenerCertificates")
            if self._reads_listener_attributes:
                yield from self._call(f"{ELBV2}:DescribeListenerAttributes")
        for listener in listeners:
            yield from self._call(f"{ELBV2}:DescribeRules")
            rules = range(1 + len(ingress.backends))
            yield from self._read_tags([("rule", ingress.number, listener, rule) for rule in rules])

    def _read_tags(self, resources: list[tuple[object, ...]]) -> Generator[simpy.Event]:
        """Ask for the tags that are not known; of several chunks all are forgotten if one fails."""
        with self._tags_lock.request() as lock:
            yield lock
            unknown = [resource for resource in resources if not self._cache.holds(TAGS, resource)]
            for _chunk in range(0, len(unknown), TAGS_PER_CALL):
                yield from self._call(TAGS)
            for resource in unknown:
                self._cache.note(TAGS, resource)

    def _call(self, action: str) -> Generator[simpy.Event]:
        yield from self._client.call(action, NO_RECONCILE)


def _places(ingress: Ingress) -> range:
    return range(len(ingress.backends))
