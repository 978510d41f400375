"""Recommended settings as an engineer applies them: a strategic-merge patch, and the annotation beside it.

Modelled:
- The hook of each container that requests pass and that ends too early. A hook that is one sleep, and does sleep, keeps
  its form.
- Any other hook becomes `sleep: {seconds: N}` (Kubernetes 1.30 on), and what it replaces is set to null.
- The grace period, which leaves the server the time that its own shutdown may take, and the controller's flag.
- The target group's attribute, among those that the annotation has already.
- `kubectl patch --patch-file` takes the output: whatever is no patch of the workload stands in comments.
- That option opens its argument, so a pipe is `/dev/stdin` and not `-`.

Sources: Kubernetes core/v1, Lifecycle (patchMergeKey `name` of containers; one handler in a hook); kubectl
pkg/cmd/patch/patch.go (v1.20.2 and v1.32.4 tried).
"""

from __future__ import annotations

import math
import re
import shlex
from typing import TYPE_CHECKING, Any

import yaml

from sim.manifests.pod_end import DEFAULT_GRACE_S, GRACE
from sim.manifests.target_groups import attributes_of
from sim.scenario.problems import Problem, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.manifests.draft import Draft, Hooked

_ATTRIBUTES = "target-group-attributes"
_DELAY = "deregistration_delay.timeout_seconds"
_ONE_SLEEP = re.compile(r"\bsleep\s+(\d+\.?\d*[smh]?)(?![\w.])")


def patch_of(draft: Draft, settings: Mapping[str, float]) -> str:
    """Return the patch for settings by key. Raises ScenarioError for a kind that takes no strategic merge."""
    workload = draft.holder
    if workload.kind == "Rollout":
        place = workload.place()
        hint = "kubectl merges only Kubernetes' own kinds container by container"
        problem = Problem(
            file=place.source, line=place.line, key=workload.ref, found="no patch for a Rollout", hint=hint
        )
        raise ScenarioError([problem])
    spec: dict[str, Any] = {}
    grace_s = _grace_s(draft, settings)
    if grace_s is not None:
        spec["terminationGracePeriodSeconds"] = _number(grace_s)
    if "pod.pre_stop_sleep_s" in settings:
        seconds = settings["pod.pre_stop_sleep_s"]
        are_too_long = all(one.seconds > seconds for one in draft.way)
        spec["containers"] = [
            {"name": one.name, "lifecycle": {"preStop": _hook(one, seconds)}}
            for one in draft.way
            if one.seconds < seconds or (are_too_long and one.seconds > seconds)
        ]
    patch = {"spec": {"template": {"spec": spec}}} if spec else {}
    return "\n".join([*_comments(draft, settings), yaml.safe_dump(patch, sort_keys=False, width=10**9).rstrip()]) + "\n"


def _grace_s(draft: Draft, settings: Mapping[str, float]) -> float | None:
    """Return the grace period to set: preStop and the server's own shutdown end in it. None if it stays as it is."""
    asked_s, sleep_s = settings.get(GRACE), settings.get("pod.pre_stop_sleep_s")
    if sleep_s is None:
        return asked_s
    needed_s = math.ceil(sleep_s + draft.shutdown_s)
    present_s = draft.values.get(GRACE, DEFAULT_GRACE_S)
    if asked_s is None and isinstance(present_s, int) and needed_s <= present_s:
        return None
    return needed_s if asked_s is None else max(asked_s, needed_s)


def _comments(draft: Draft, settings: Mapping[str, float]) -> Iterator[str]:
    one = draft.holder
    words = ["kubectl", "patch", one.kind.lower(), one.name, "-n", one.namespace, "--patch-file", "patch.yaml"]
    yield f"# {shlex.join(words)}"
    yield "# where patch.yaml is this text; behind a pipe it is --patch-file /dev/stdin"
    if draft.shutdown_s and _grace_s(draft, settings) not in {None, settings.get(GRACE)}:
        yield f"# the grace period leaves the server the {_number(draft.shutdown_s)} s that its own shutdown may take"
    delay_s = settings.get("target_group.deregistration_delay_s")
    if delay_s is not None:
        yield from _annotation(draft, _number(delay_s))
    retries = settings.get("controller.aws_max_retries")
    if retries is not None:
        yield f"# and of the ingress controller: --aws-max-retries={_number(retries)}"


def _annotation(draft: Draft, delay_s: float) -> Iterator[str]:
    holder = draft.annotated
    if holder is None:
        command = f"aws elbv2 modify-target-group-attributes --attributes Key={_DELAY},Value={delay_s}"
        yield f"# and, with the target group's --target-group-arn: {command}"
        return
    key = f"{draft.annotation_prefix}/{_ATTRIBUTES}"
    attributes = (attributes_of(holder.annotations.get(key, "")) or {}) | {_DELAY: str(delay_s)}
    value = ",".join(f"{name}={value}" for name, value in attributes.items())
    words = ["kubectl", "annotate", "--overwrite", holder.kind.lower(), holder.name, "-n", holder.namespace]
    yield f"# and: {shlex.join([*words, f'{key}={value}'])}".replace("\n", " ")


def _hook(one: Hooked, seconds: float) -> dict[str, Any]:
    """Return a hook that sleeps so long, with every other field of the present hook set to null."""
    number = _number(seconds)
    command = one.hook.exec_.command if one.hook and one.hook.exec_ else []
    found = [word for word in command if _ONE_SLEEP.search(word)]
    sleeps = one.is_understood and one.seconds > 0
    if sleeps and len(found) == 1 and len(_ONE_SLEEP.findall(found[0])) == 1:
        return {"exec": {"command": [_ONE_SLEEP.sub(f"sleep {number}", word) for word in command]}}
    if sleeps and len(command) == 2 and command[0].endswith("sleep"):  # noqa: PLR2004 - sleep and its time
        return {"exec": {"command": [command[0], str(number)]}}
    if not isinstance(number, int):
        return {"exec": {"command": ["sleep", str(number)]}}
    kinds = {"exec": one.hook.exec_, "httpGet": one.hook.http_get} if one.hook else {}
    return {**{kind: None for kind, value in kinds.items() if value is not None}, "sleep": {"seconds": number}}


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
