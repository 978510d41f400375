"""The part of the AWS Load Balancer Controller v2.0 to v3.x that reconciles ingresses.

This part has a queue of ingress groups and three workers (`--ingress-max-concurrent-reconciles`). A worker builds the
model of one ingress and deploys it, in a fixed order of AWS calls. No pod change enqueues an ingress. A change of an
ingress's annotations does, and a new process enqueues all ingresses. A resync of the ingresses enqueues them from
v2.5.4 on: earlier handlers pass over what looks unchanged. Resyncs of Services and Secrets enqueue no ingress in any
version.

Modelled:
- A deploy that changes nothing but the weights of rules, so that every other call is a read.
- Tags are read in chunks of 20, for every load balancer and then every target group of the VPC; from v2.2 on for
  listeners and rules too. From v2.7.1 on they are kept for 20 min, and read under one lock.
- Web ACLs are kept for 10 min, and from v2.8.2 on not read without an annotation.
- From v2.3 on the shared backend security group is read once. From v2.10.1 on the attributes of each listener are read.
- A throttled reconcile backs off.

Assumed:
- Each ingress is a group of its own, its subnets and certificates need no call, and each Service has one rule on each
  listener.
- The VPC holds this cluster's load balancers alone.
- What is not said of certain versions holds in all of them.

Left out: Shield, paging, `EnableRGTAPI`.

Sources: pkg/ingress/model_build_load_balancer.go, pkg/deploy/ec2/security_group_synthesizer.go, pkg/deploy/elbv2
/listener_synthesizer.go, listener_rule_synthesizer.go and load_balancer_manager.go, pkg/deploy/wafv2@043f39b947;
pkg/deploy/stack_deployer.go and pkg/deploy/elbv2/tagging_manager.go@078799d137; target_group_synthesizer.go@03986db626;
pkg/networking/backend_sg_provider.go@00175c1e29; LBC pull requests 3280 (v2.5.4), 3550 (v2.7.1), 3800 (v2.8.2)
and 3948 (v2.10.1).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.lock import Lock
from sim.control_plane.controllers.work_queue import WORKER_PAUSE_S, WorkQueue
from sim.control_plane.trace.calls import NO_RECONCILE
from sim.scenario.actions import Action
from sim.scenario.sequences import Call, Each, ForEach, Step, Tags
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.aws.forward_rule import ForwardRule
    from sim.control_plane.controllers.ingress import Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases import LoadBalancerControllerRelease
    from sim.scenario.sequences import InLoop
    from sim.scenario.specs import ControllerSpec

WORKERS = 3
TAGS_PER_CALL = 20


class IngressReconciler:
    """The ingress half of one process.

    Calls of this half carry no reconcile number: the trace numbers only the reconciles of TargetGroupBindings.
    """

    def __init__(
        self,
        simulation: Simulation,
        spec: ControllerSpec,
        release: LoadBalancerControllerRelease,
        client: AwsClient,
        ingresses: Sequence[Ingress],
        *,
        cluster: int,
    ) -> None:
        self._env = env = simulation.env
        self._spec = spec
        self._client = client
        self._ingresses = ingresses
        self._release = release
        self._queue: WorkQueue[int] = WorkQueue(
            env, shared_bucket=not release.has_priority_queue, one_entry=release.has_priority_queue
        )
        self._orders = simulation.streams.permutations(len(ingresses), Stream.ENQUEUE_ORDER, cluster, 1)
        self._cache = CallCache(env, release.keeps_answers_s)
        self._tags_lock = Lock(env)
        self._backend_group_lock = Lock(env)
        self._knows_backend_group = False

    def enqueue_all(self) -> None:
        """Enqueue every ingress in a random order."""
        for place in next(self._orders):
            self._queue.add(place)

    def enqueue(self, ingress: Ingress) -> None:
        """Enqueue one ingress."""
        self._queue.add(self._ingresses.index(ingress))

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the workers, to be run."""
        return [self._work() for _ in range(WORKERS)]

    def _work(self) -> Generator[simpy.Event]:
        while True:
            number = yield from self._queue.get()
            try:
                yield from self._reconcile(self._ingresses[number])
            except ThrottledError:
                self._queue.add_rate_limited(number)
                self._queue.done(number)
                yield self._env.timeout(WORKER_PAUSE_S if self._release.pauses_worker else 0.0)
            else:
                self._queue.forget(number)
                self._queue.done(number)

    def _reconcile(self, ingress: Ingress) -> Generator[simpy.Event]:
        weight = None if ingress.rule is None else ingress.rule.wanted
        for part in self._release.sequence:
            if not isinstance(part, ForEach):
                yield from self._take(part, ingress)
                continue
            for place in range(len(ingress.backends) if part.each is Each.TARGET_GROUP else self._spec.listeners):
                for step in part.steps:
                    if step is Step.MODIFY_RULE and ingress.rule is not None and weight is not None:
                        yield from self._modify(ingress.rule, place, weight)
                    else:
                        yield from self._take(step, ingress, place)

    def _take(self, step: InLoop, ingress: Ingress, place: int = 0) -> Generator[simpy.Event]:
        """Take a step of the sequence. `place` is the position of the target group or the listener."""
        match step:
            case Call():
                if place < self._spec.https_listeners or not step.for_https:
                    yield from self._call(step.action, ingress)
            case Tags():
                yield from self._read_tags(list(self._tagged(step, ingress, place)))
            case Step.FIND_BACKEND_GROUP:
                yield from self._find_backend_group(ingress)

    def _modify(self, rule: ForwardRule, listener: int, weight: int) -> Generator[simpy.Event]:
        """Modify a listener's rule, if the weight that the reconcile began with is not its own."""
        if rule.weights[listener] != weight:
            effect = partial(rule.modify, listener, weight)
            yield from self._client.call(Action.MODIFY_RULE, NO_RECONCILE, effect)

    def _call(self, action: Action, ingress: Ingress) -> Generator[simpy.Event]:
        if not self._cache.holds(action, (ingress.number,)):
            yield from self._client.call(action, NO_RECONCILE)
            self._cache.note(action, (ingress.number,))

    def _find_backend_group(self, ingress: Ingress) -> Generator[simpy.Event]:
        with (yield from self._backend_group_lock.taken()):
            if not self._knows_backend_group:
                yield from self._call(Action.DESCRIBE_SECURITY_GROUPS, ingress)
                self._knows_backend_group = True

    def _tagged(self, tags: Tags, ingress: Ingress, listener: int) -> Iterator[tuple[object, ...]]:
        """Yield the name of each resource with these tags, in the whole VPC or of the ingress."""
        match tags:
            case Tags.LOAD_BALANCERS:
                yield from ((tags, each.number) for each in self._ingresses)
            case Tags.TARGET_GROUPS:
                yield from ((tags, each.number, place) for each in self._ingresses for place in _places(each))
            case Tags.LISTENERS:
                yield from ((tags, ingress.number, place) for place in range(self._spec.listeners))
            case Tags.RULES:
                yield from ((tags, ingress.number, listener, rule) for rule in range(1 + len(ingress.backends)))

    def _read_tags(self, resources: list[tuple[object, ...]]) -> Generator[simpy.Event]:
        """Read the tags that are not known, in chunks. If one chunk fails, the tags of all of them stay unknown."""
        if Action.DESCRIBE_TAGS not in self._release.keeps_answers_s:
            yield from self._describe_tags(len(resources))
            return
        with (yield from self._tags_lock.taken()):
            unknown = [resource for resource in resources if not self._cache.holds(Action.DESCRIBE_TAGS, resource)]
            yield from self._describe_tags(len(unknown))
            for resource in unknown:
                self._cache.note(Action.DESCRIBE_TAGS, resource)

    def _describe_tags(self, n_resources: int) -> Generator[simpy.Event]:
        for _chunk in range(0, n_resources, TAGS_PER_CALL):
            yield from self._client.call(Action.DESCRIBE_TAGS, NO_RECONCILE)


def _places(ingress: Ingress) -> range:
    return range(len(ingress.backends))
