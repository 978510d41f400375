"""The endpoint controller: when a pod is among the addresses of a Service, by hand."""

from __future__ import annotations

from sim.control_plane.kubernetes.endpoints import Endpoints
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.streams import Streams


def test_a_pod_that_has_joined_is_no_longer_starting(make_env, make_scenario) -> None:
    """The pod appears 1 s after it has an address, and joins 1 s after it is ready at 10 s."""
    env, scenario = make_env(), make_scenario(endpoints__propagation_s=1)
    endpoints = Endpoints(Simulation(env, Streams(1, 0), Trace()), scenario.endpoints, [])
    pod = Pod(0, env, 0, is_new=True)
    env.process(endpoints.follow(pod))
    pod.has_address.succeed()
    env.run(until=10)
    assert (endpoints.starting, endpoints.addresses) == ({pod}, set())
    pod.containers_ready.succeed()
    pod.ready.succeed()
    env.run(until=12)
    assert (endpoints.starting, endpoints.addresses) == (set(), {pod})
