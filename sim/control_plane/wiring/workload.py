"""One Deployment that is disrupted, with its pods, its Service's Endpoints and its target group.

Modelled:
- A cluster may roll several Deployments at the same moment (`deployment.rolled_at_once`). Each Deployment is like the
  first, with draws and kubelets of its own.
- All Deployments share kube-controller-manager's client, the ingress controller and the AWS API.
  kube-controller-manager takes them in a random order.

Left out:
- the wait for a worker of more than five Deployments or ReplicaSets (`--concurrent-deployment-syncs`,
  `--concurrent-replicaset-syncs`, 5 each);
- creates and deletes of several Deployments in turns. In the model Deployments go one after another.

Sources: kube-controller-manager makes one client for its ReplicaSet controller, so one limiter for all ReplicaSets
(cmd/kube-controller-manager/app/apps.go, startReplicaSetController; docs/facts/kubernetes.md §3, §5).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sim.control_plane.aws.forward_rule import ForwardRule
from sim.control_plane.kubernetes.disruption import Disrupted, disruption_of
from sim.control_plane.kubernetes.in_flight import InFlight
from sim.control_plane.kubernetes.kubelet import Kubelet
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.light_process import LightProcess
from sim.control_plane.simulation import call_when
from sim.control_plane.trace import PodGone
from sim.control_plane.wiring.service import Service

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    import simpy

    from sim.control_plane.kubernetes.node_turns import NodeTurns
    from sim.control_plane.kubernetes.outage import Outage
    from sim.control_plane.kubernetes.replica_set import ControllerManagerClient
    from sim.control_plane.simulation import Simulation
    from sim.control_plane.wiring.cluster import Cluster
    from sim.scenario.specs import Scenario


class RolledDeployment:
    """One Deployment, which does nothing until `start`, so that a controller can be given its `services` before."""

    def __init__(
        self,
        simulation: Simulation,
        scenario: Scenario,
        client: ControllerManagerClient,
        turns: NodeTurns,
        cluster: Cluster | None = None,
    ) -> None:
        """Make the Deployment. `cluster` gives the pods their nodes and addresses, if these are simulated."""
        self._env = env = simulation.env
        self._scenario = scenario
        self._trace = simulation.trace
        self._cluster = cluster
        self.old_pods = [Pod(number, env, number, is_new=False) for number in range(scenario.deployment.replicas)]
        node_of = None if cluster is None else cluster.scheduler.node_of
        self._kubelet = Kubelet(simulation, scenario.pod, scenario.kubernetes, node_of)
        self.pods = {pod.number: pod for pod in self.old_pods}
        self._following: dict[Pod, list[LightProcess]] = {}
        self._followed: list[tuple[Pod, simpy.Event, list[LightProcess]]] = []
        self.outages: dict[Pod, Outage] = {}
        self._targets = self.old_pods[: len(self.old_pods) - scenario.disrupted_by.unready_pods]
        self.services = [Service(simulation, scenario, self._targets, self._kubelet, self.outages)]
        self.rule: ForwardRule | None = None
        if scenario.disrupted_by.target_groups > 1:
            self.services.append(Service(simulation, scenario, [], self._kubelet, self.outages, number=1))
            self.rule = ForwardRule(simulation, scenario)
        self._in_flight = InFlight(scenario, simulation.streams)
        self._hold_places()
        disrupted = Disrupted(
            simulation=simulation,
            pods=self.old_pods,
            client=client,
            adopt=self._adopt,
            follow=self._follow,
            grace_period_s=scenario.pod.termination_grace_period_s,
            gone_s=self._gone_s,
            scheduler=None if cluster is None else cluster.scheduler,
            end_node=None if cluster is None else cluster.end_node,
            not_ready=self._not_ready,
            outages=self.outages,
            turns=turns,
            instances=self.services[0].instances,
            heeded_marks=scenario.controller.heeded_marks,
            promote=self._promote,
            stable_targets=self._stable_targets,
            turn_back=self._turn_back,
            bring_back=self._bring_back,
            rule=self.rule,
        )
        self.node_watchers = disrupted.node_watchers
        self._disruption = disruption_of(scenario, disrupted)

    def _hold_places(self) -> None:
        if self._cluster is not None:
            for pod in self.old_pods:
                self._cluster.hold(pod, self, self._trace)

    def start(self) -> simpy.Process:
        """Start the disruption, which begins at 0 s.

        Return the process that ends when nothing is left to do, except that deleted pods have yet to end.
        """
        for pod in self._ending_targets():
            self._following[pod] = [LightProcess(self._env, process(pod)) for process in self.services[0].pod_processes]
        if self._cluster is not None:
            for pod in self._disruption.ending:
                call_when(pod.deleted, partial(self._begin_to_leave, pod, self._cluster))
        disrupted = self._env.process(self._start_at_zero())
        return self._env.process(self._until_over(disrupted))

    @property
    def ending_pods(self) -> Sequence[Pod]:
        """Return the pods that the disruption ends."""
        return self._disruption.ending

    def _ending_targets(self) -> list[Pod]:
        unready = set(self.old_pods[len(self._targets) :])
        return [pod for pod in self._disruption.ending if pod not in unready]

    def _adopt(self, pod: Pod) -> None:
        LightProcess(self._env, self._start(pod))
        self._follow(pod)

    def _bring_back(self, pod: Pod) -> None:
        LightProcess(self._env, self._start(pod))
        self._join(pod, self.services[0])

    def _follow(self, pod: Pod) -> None:
        self._join(pod, self.services[-1])

    def _join(self, pod: Pod, service: Service) -> None:
        self.pods[pod.number] = pod
        self._following[pod] = [LightProcess(self._env, process(pod)) for process in service.pod_processes]

    def _promote(self, pod: Pod) -> None:
        for process in self.services[0].pod_processes:
            LightProcess(self._env, process(pod))

    def _turn_back(self, new: Sequence[Pod], old: Sequence[Pod]) -> None:
        """Let the second Service select these old pods, and no longer these new ones."""
        second, never = self.services[-1], self._env.event()
        for pod in new:
            for process in second.outage_processes:
                LightProcess(self._env, process(pod, never))
        for pod in old:
            for event in (pod.has_address, pod.containers_ready, pod.ready):
                if not event.triggered:
                    event.succeed()
            for follow in second.pod_processes:
                LightProcess(self._env, follow(pod))

    def _stable_targets(self) -> set[Pod]:
        target_group = self.services[0].target_group
        return set() if target_group is None else target_group.registered()

    def _start(self, pod: Pod) -> Generator[simpy.Event]:
        if self._cluster is not None:
            yield from self._cluster.admit(pod, self, self._trace)
        yield from self._kubelet.start(pod)

    def _begin_to_leave(self, pod: Pod, cluster: Cluster) -> None:
        """Let a deleted pod hold its place and address on its node until it is gone."""
        cluster.scheduler.is_deleted(pod)
        if self._scenario.ends_with_last_request:
            self._env.process(self._leave_node(pod, cluster))
        else:
            gone = self._env.timeout(self._kubelet.termination(pod).gone_s - self._env.now)
            call_when(gone, partial(cluster.leave, pod))

    def _leave_node(self, pod: Pod, cluster: Cluster) -> Generator[simpy.Event, Any]:
        gone_s = yield from self._ends_s(pod)
        yield self._env.timeout(gone_s - self._env.now)
        cluster.leave(pod)

    def _not_ready(self, pod: Pod, back: simpy.Event) -> None:
        processes = [LightProcess(self._env, process(pod, back)) for process in self.services[0].outage_processes]
        self._followed.append((pod, back, processes))

    def _gone_s(self, pod: Pod) -> Generator[simpy.Event, Any, float]:
        """Return when a deleted pod is gone, and record it if the pod ends with its last request."""
        gone_s = yield from self._ends_s(pod)
        if self._scenario.ends_with_last_request:
            self._trace.record(PodGone(gone_s, pod.number))
        return gone_s

    def _ends_s(self, pod: Pod) -> Generator[simpy.Event, Any, float]:
        """Return when a deleted pod is gone.

        For a pod that ends with its last request, wait until its listener is closed.
        """
        end = self._kubelet.termination(pod)
        if not self._scenario.ends_with_last_request:
            return end.gone_s
        yield self._env.timeout(end.listener_closed_s - self._env.now)
        sent_until_s = self.services[-1 if pod.is_new else 0].sent_until_s(pod)
        done_s = self._in_flight.last_done_s(pod, end.listener_closed_s, end.cut_s, sent_until_s)
        return done_s + self._scenario.pod.sandbox_teardown_s

    def _was_target(self, pod: Pod) -> bool:
        groups = [service.target_group for service in self.services]
        return any(group is None or group.has_known(pod) for group in groups)

    def _start_at_zero(self) -> Generator[simpy.Event]:
        yield self._env.timeout(-self._env.now)
        yield from self._disruption.run()

    def _until_over(self, disrupted: simpy.Process) -> Generator[simpy.Event]:
        yield disrupted
        for pod in self._ending_targets():
            yield from _all_ended(self._following[pod])
            if self._was_target(pod):
                yield pod.deregistered
        for pod, back, processes in self._followed:
            if not back.triggered:
                yield pod.deregistered
            elif (target_group := self.services[0].target_group) is not None:
                yield from _all_ended(processes)
                yield from target_group.until_registered(pod)


def _all_ended(processes: Iterable[LightProcess]) -> Generator[simpy.Event]:
    for process in processes:
        yield from process.ended()
