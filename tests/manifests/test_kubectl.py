"""The patch of `recommend --patch`, and the line beside it, given to a real kubectl, which needs no server for it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, import_sources
from sim.manifests.patch import patch_of
from sim.manifests.sources import Source

if TYPE_CHECKING:
    from pathlib import Path

    from sim.manifests.importing import Imported

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="no kubectl here; Debian's is in kubernetes-client")
HOOKS: dict[str, dict[str, Any]] = {
    "none": {},
    "sleep": {"sleep": {"seconds": 5}},
    "program": {"exec": {"command": ["sleep", "5"]}},
    "script": {"exec": {"command": ["sh", "-c", "date; sleep 5 && nginx -s quit"]}},
    "quits first": {"exec": {"command": ["sh", "-c", "nginx -s quit; sleep 5"]}},
    "fails": {"exec": {"command": ["sleep 5"]}},
    "unknown": {"exec": {"command": ["/wait-for-drain"]}},
    "get": {"httpGet": {"path": "/quit", "port": 80}},
}
SETTINGS = {
    "pod.pre_stop_sleep_s": 31.0,
    "pod.termination_grace_period_s": 75.0,
    "target_group.deregistration_delay_s": 31.0,
}


def kubectl(words: list[str], home: Path, stdin: str | None = None) -> str:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [str(KUBECTL), *words], input=stdin, env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def minor() -> int:
    version = json.loads(subprocess.check_output([str(KUBECTL), "version", "--client", "-o", "json"], text=True))
    return int(version["clientVersion"]["minor"].rstrip("+"))


def documents(hook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return manifests with a hook, and with a container of which the patch says nothing."""
    found = list(yaml.safe_load_all(BASE))
    pod = found[0]["spec"]["template"]["spec"]
    pod["containers"].insert(0, {"name": "logs", "image": "fluent-bit:3", "args": ["-q"]})
    serving = pod["containers"][1]
    serving.pop("lifecycle")
    if hook:
        serving["lifecycle"] = {"preStop": hook, "postStart": {"exec": {"command": ["true"]}}}
    return found


def read(objects: list[dict[str, Any]]) -> Imported:
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all(objects))], Asked(rps=1)).workloads
    return found


def applied(line: str, before: dict[str, Any], home: Path) -> dict[str, Any]:
    """Run a line that patches or annotates an object, on the object's file instead of a cluster."""
    (home / "object.yaml").write_text(yaml.safe_dump(before))
    _, verb, *words = shlex.split(line)
    named = [before["kind"].lower(), before["metadata"]["name"], "-n", "default"]
    at = words.index(named[0])
    assert words[at : at + 4] == named
    del words[at : at + 4]
    return dict(yaml.safe_load(kubectl([verb, "--local", "-f", "object.yaml", *words, "-o", "yaml"], home)))


@pytest.mark.parametrize("hook", HOOKS)
def test_kubectl_runs_the_lines_that_are_printed(hook: str, tmp_path: Path) -> None:
    if hook == "sleep" and minor() < 29:
        pytest.skip("the hook `sleep` is in the API since Kubernetes 1.29")
    objects = documents(HOOKS[hook])
    before = read(objects)
    patch = patch_of(before.draft, SETTINGS)
    (tmp_path / "patch.yaml").write_text(patch)
    lines = [line.removeprefix("# ").removeprefix("and: ") for line in patch.splitlines() if "kubectl " in line]
    objects[0] = applied(lines[0], objects[0], tmp_path)
    objects[2] = applied(lines[1], objects[2], tmp_path)
    assert read(objects).scenario == before.scenario.with_overrides(SETTINGS)
    logs, serving = objects[0]["spec"]["template"]["spec"]["containers"]
    assert logs == {"name": "logs", "image": "fluent-bit:3", "args": ["-q"]}
    assert len(serving["lifecycle"]["preStop"]) == 1
    assert ("postStart" in serving["lifecycle"]) == (hook != "none")


def test_behind_a_pipe_the_file_is_dev_stdin(tmp_path: Path) -> None:
    objects = documents({})
    (tmp_path / "object.yaml").write_text(yaml.safe_dump(objects[0]))
    patch = patch_of(read(objects).draft, SETTINGS)
    words = ["patch", "--local", "-f", "object.yaml", "--patch-file", "/dev/stdin", "-o", "yaml"]
    objects[0] = yaml.safe_load(kubectl(words, tmp_path, stdin=patch))
    assert read(objects).draft.values["pod.pre_stop_sleep_s"] == 31


def test_nothing_to_change_is_a_patch_too(tmp_path: Path) -> None:
    objects = documents({})
    (tmp_path / "object.yaml").write_text(yaml.safe_dump(objects[0]))
    words = ["patch", "--local", "-f", "object.yaml", "--patch", patch_of(read(objects).draft, {}), "-o", "yaml"]
    assert yaml.safe_load(kubectl(words, tmp_path)) == objects[0]
