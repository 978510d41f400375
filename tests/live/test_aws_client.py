"""The simulator's client beside botocore itself, which sends its calls over HTTP to an endpoint that throttles.

Real are botocore, its retries, quota and rate limit, and the connection. The endpoint has the account's token buckets.
Time is a clock of the test's own: it passes where botocore sleeps, and by one latency in each answer. Both sides draw
from the same generator, so that the attempts agree to the rounding of sums.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import cycle, islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.aws.aws_client import AwsClient, ThrottledError
from sim.control_plane.clock import Clock
from sim.control_plane.simulation import Simulation
from sim.control_plane.token_bucket import TokenBucket
from sim.control_plane.trace import Trace
from sim.control_plane.trace.calls import ApiAttempt
from sim.scenario.actions import Action
from sim.streams import Stream, Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import simpy

    from sim.scenario.specs import AwsApiSpec, Scenario

    Attempts = list[tuple[float, str, bool]]

LATENCY_S = 0.08
CALLS = 60
SEED = 20
BUCKETS = {
    "elbv2_describe": {"capacity": 5, "refill_per_s": 2},
    "elbv2_register": {"capacity": 3, "refill_per_s": 0.5},
    "elbv2_account": {"capacity": 6, "refill_per_s": 2.2},
}
DRY = {"elbv2_describe": {"capacity": 1, "refill_per_s": 0.02}}
TARGETS = [{"Id": "10.0.0.1"}]
METHODS: dict[str, Callable[[Any], object]] = {
    "DescribeTargetHealth": lambda client: client.describe_target_health(TargetGroupArn="arn"),
    "RegisterTargets": lambda client: client.register_targets(TargetGroupArn="arn", Targets=TARGETS),
    "DeregisterTargets": lambda client: client.deregister_targets(TargetGroupArn="arn", Targets=TARGETS),
}
BUCKET = {
    "DescribeTargetHealth": "elbv2_describe",
    "RegisterTargets": "elbv2_register",
    "DeregisterTargets": "elbv2_register",
}
XML = '<{0} xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">{1}</{0}>'
RATE_EXCEEDED = "<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"


class TestClock:
    """Time that passes only where somebody waits; what botocore's `time` and its condition variable do with it."""

    __test__ = False

    def __init__(self) -> None:
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, seconds: float) -> None:
        """Wait for a token; a nanosecond at least, or rounding would wait for ever."""
        self.now_s += max(seconds, 1e-9)

    def notify(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class Endpoint(HTTPServer):
    """An ELBv2 endpoint that does nothing but throttle."""

    def __init__(self, clock: TestClock, spec: AwsApiSpec) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.attempts: Attempts = []
        self._buckets = {name: TokenBucket(size.capacity, size.refill_per_s) for name, size in spec.buckets}

    def answer(self, action: str) -> tuple[int, str]:
        """Decide on an attempt that comes now, and let its latency pass."""
        now_s = self.clock.now_s
        buckets = [self._buckets[BUCKET[action]], self._buckets["elbv2_account"]]
        throttled = any(bucket.tokens(now_s) < 1 for bucket in buckets)
        self.attempts.append((now_s, f"elasticloadbalancing:{action}", throttled))
        self.clock.now_s += LATENCY_S
        if throttled:
            return 400, XML.format("ErrorResponse", RATE_EXCEEDED)
        for bucket in buckets:
            bucket.take(now_s)
        return 200, XML.format(f"{action}Response", f"<{action}Result/>")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one segment: in two, the second would wait for an acknowledgement
    server: Endpoint

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, body = self.server.answer(form["Action"][0])
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class PythonsDraws(Streams):
    """The draws that botocore makes, from Python's own generator."""

    def uniforms(self, stream: Stream, *_: int) -> Iterator[float]:
        assert stream is Stream.API_BACKOFF
        generator = random.Random(self.seed)  # noqa: S311  botocore's
        while True:
            yield generator.random()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TestClock:
    """Replace the time of botocore's retries; its connections keep the real one."""
    clock = TestClock()
    monkeypatch.setattr("botocore.endpoint.time", clock)
    monkeypatch.setattr("botocore.retries.bucket.time", clock)
    threads = SimpleNamespace(Lock=threading.Lock, Condition=lambda _: clock)
    monkeypatch.setattr("botocore.retries.bucket.threading", threads)
    return clock


def by_botocore(clock: TestClock, spec: AwsApiSpec, mode: str, max_attempts: int, actions: list[str]) -> Attempts:
    with Endpoint(clock, spec) as endpoint:
        threading.Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        client = botocore.session.Session().create_client(
            "elbv2",
            region_name="eu-west-1",
            endpoint_url=f"http://127.0.0.1:{endpoint.server_port}",
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106  a client does not start without one
            config=Config(retries={"mode": mode, "total_max_attempts": max_attempts}, proxies={}),
        )
        random.seed(SEED)
        for action in actions:
            with suppress(ClientError):
                METHODS[action](client)
        client.close()
        endpoint.shutdown()
        return endpoint.attempts


def by_the_simulator(spec: AwsApiSpec, mode: str, max_attempts: int, actions: list[str]) -> Attempts:
    env, trace = Clock(), Trace()
    simulation = Simulation(env, PythonsDraws(SEED, 0), trace)
    client = AwsClient(
        simulation,
        AwsApi(simulation, spec),
        spec,
        cluster=0,
        policy=f"botocore-{mode}",
        max_retries=max_attempts - 1,
    )

    def work() -> Generator[simpy.Event]:
        for action in actions:
            with suppress(ThrottledError):
                yield from client.call(Action(f"elasticloadbalancing:{action}"), 0)

    env.run(until=env.process(work()))
    return [(attempt.time_s, attempt.action, attempt.throttled) for attempt in trace.of(ApiAttempt)]


def assert_equal_attempts(theirs: Attempts, ours: Attempts) -> None:
    assert [attempt[1:] for attempt in ours] == [attempt[1:] for attempt in theirs]
    assert [attempt[0] for attempt in ours] == pytest.approx([attempt[0] for attempt in theirs], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize("max_attempts", [1, 2, 5, 12])
def test_every_attempt_at_its_time(
    mode: str, max_attempts: int, clock: TestClock, make_scenario: Callable[..., Scenario]
) -> None:
    spec = make_scenario(aws_api__buckets=BUCKETS, aws_api__latency_s=LATENCY_S).aws_api
    actions = list(islice(cycle(["DescribeTargetHealth", *METHODS]), CALLS))
    theirs = by_botocore(clock, spec, mode, max_attempts, actions)
    assert {throttled for _, _, throttled in theirs} == {True, False}
    assert_equal_attempts(theirs, by_the_simulator(spec, mode, max_attempts, actions))


@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_the_quota_is_used_up_at_the_same_call(
    mode: str, clock: TestClock, make_scenario: Callable[..., Scenario]
) -> None:
    spec = make_scenario(aws_api__buckets=DRY, aws_api__latency_s=LATENCY_S).aws_api
    actions = ["DescribeTargetHealth"] * CALLS
    theirs = by_botocore(clock, spec, mode, 6, actions)
    assert sum(throttled for _, _, throttled in theirs) < (CALLS - 5) * 6
    assert_equal_attempts(theirs, by_the_simulator(spec, mode, 6, actions))
