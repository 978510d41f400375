"""How long a hook's command holds the stop signal back: what a real shell does with it, by hand."""

from __future__ import annotations

import math
import shutil
import subprocess
import time

import pytest

from sim.manifests.shell import held_by


def of_script(script: str, **env: str) -> tuple[float | None, bool]:
    held = held_by(["sh", "-c", script], env)
    return (held.seconds if held.known else None), bool(held.fails)


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        ("sleep 15", 15),
        ("sleep 1m", 60),
        ("sleep 0.5m", 30),
        ("sleep 1m 30s", 90),
        ("sleep .5", 0.5),
        ("sleep 10; sleep 5", 15),
        ("sleep 10 && sleep 5 || sleep 99", 15),
        ("exec sleep 7", 7),
        ("exec sleep 7; sleep 9", 7),
        ("sleep 5\nsleep 6\n", 11),
        ("# first\nsleep 5 # then\n", 5),
        ("sleep 5 >/dev/null 2>&1", 5),
        ("sleep 5 & wait", 5),
        ("T=12; sleep $T", 12),
        ("sleep $((60 + 30))", 90),
        ("sleep $((100 / 3 - 2*4))", 25),
        ("sleep ${WAIT:-20}", 20),
        ("sleep ${WAIT}", None),
        ("sleep $(cat /config/wait)", None),
        ("timeout 10 sleep 60", 10),
        ("timeout 60 sleep 10", 10),
        ("for i in 1 2 3; do sleep 5; done", 15),
        ("for i in 1 2 3; do echo $i; sleep 5; done; sleep 1", 16),
        ("for i in $(seq 5); do sleep 5; done", None),
        ("while true; do sleep 1; done", None),
        ("if test -f x; then sleep 5; fi", None),
        ("curl -s localhost/quit; sleep 9", 9),
        ("echo 'sleep 99'; sleep 2", 2),
        ('echo "a > b"; sleep 2', 2),
        ("sleep 3; /app/stop.sh", None),
        ("sleep 20; kill -QUIT 1; sleep 99", 20),
        ("sleep 5; exit 0; sleep 9", 5),
        ("bash -c 'sleep 4'", 4),
        ("nginx -s reload; sleep 5", 5),
        ("sleep 30 & sleep 5", 30),
        ("sleep 3; sleep 4 & sleep 9", 12),
        ("[ -f /tmp/x ] && sleep 5", None),
        ("test -f /tmp/x || sleep 5", None),
        ("false && sleep 5", None),
        ("[ -f /tmp/x ]; sleep 5", 5),
        ("sleep 'x' && sleep 9; sleep 1", 1),
    ],
)
def test_scripts(script: str, seconds: float | None) -> None:
    assert of_script(script) == (seconds, False)


@pytest.mark.parametrize("script", ["sleep", "'sleep 10'", "sleep ten", "sleep 10s5", "sleep 'x", "sleep -5"])
def test_scripts_that_fail(script: str) -> None:
    assert of_script(script) == (0, True)


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["sleep", "$WAIT"], 0),
        (["sh", "sleep 10"], 0),
        (["bash", "-o", "pipefail", "-c", "sleep 3"], 3),
        (["node", "-e", "setTimeout(() => {}, 5000)"], 5),
        (["perl", "-e", "sleep 4"], 4),
        (["ruby", "-e", "sleep 4"], 4),
        (["php", "-r", "sleep(4);"], 4),
        (["python3", "-c", "from time import sleep; sleep(2.5)"], 2.5),
        (["python", "-c", "import os, time; time.sleep(6)"], 6),
        (["node", "-e", "setTimeout(function(){process.exit(0)}, 5000);"], 5),
        (["pwsh", "-Command", "Start-Sleep -Seconds 8"], 8),
        (["powershell.exe", "-Command", "start-sleep 8"], 8),
        (["/wait"], None),
        (["sh", "/scripts/stop.sh"], None),
        ([], 0),
    ],
)
def test_commands(command: list[str], seconds: float | None) -> None:
    held = held_by(command, {})
    assert (held.seconds if held.known else None) == seconds


def test_a_sleep_without_end() -> None:
    assert of_script("sleep infinity") == (math.inf, False)


def test_a_variable_of_the_container_beats_the_fallback() -> None:
    assert of_script("sleep ${WAIT:-20}", WAIT="3") == (3, False)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
@pytest.mark.parametrize(
    "script",
    [
        "sleep 1; sleep 1",
        "sleep 1 && true || sleep 9",
        "exec sleep 1; sleep 9",
        "for i in 1 2; do sleep 1; done",
        "sleep $((4 / 2 - 1))",
        "T=1; sleep ${T}",
        "sleep ${NOBODY:-1}",
        "sleep 1; exit 0; sleep 9",
        "'sleep 1'",
        "sleep",
    ],
)
def test_a_real_shell_agrees(script: str) -> None:
    began_s = time.monotonic()
    subprocess.run(["sh", "-c", script], check=False, stderr=subprocess.DEVNULL)  # noqa: S607
    took_s = time.monotonic() - began_s
    seconds, _ = of_script(script)
    assert seconds is not None
    assert seconds <= took_s < seconds + 1
