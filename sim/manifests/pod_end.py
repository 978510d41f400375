"""A pod's end: how long its hook holds the stop signal back, and how long its address outlives its server.

Modelled (docs/facts/manifests.md §2): the pod's address lives until its last container has ended.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.manifests.containers import PRE_STOP
from sim.scenario.problems import plain, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.containers import Part
    from sim.manifests.draft import Draft
    from sim.manifests.objects import Object, Place

GRACE = "pod.termination_grace_period_s"
DEFAULT_GRACE_S = 30
_DEFAULT_TEARDOWN_S = 1


def put_pre_stop(draft: Draft, first: Part, serving: Part, grace_s: int, holder: Object) -> None:
    """Write how long the hook holds the stop signal back."""
    held, place = first.held, first.hook_place(holder)
    if first is not serving:
        text = f"requests pass '{serving.container.name}' and '{first.container.name}', which ends first"
        draft.warn("path-ends-early", PRE_STOP, text, place)
    if first.hook is None:
        text = "no preStop hook: the server is told to stop at the pod's deletion, while the ALB still sends requests"
        draft.warn("no-pre-stop", PRE_STOP, text, place)
        return
    seconds = float(grace_s) if math.isinf(held.seconds) else held.seconds
    note = "" if first is serving else f"of container '{first.container.name}'"
    if held.known and (seconds or first.hook.sleep):
        draft.put(PRE_STOP, whole(seconds), place, note=note)
    elif not held.known:
        draft.put(PRE_STOP, whole(seconds), place, "guessed", "not understood" + (": at least that" if seconds else ""))
    _warn_of_the_hook(draft, first, seconds, grace_s, place)


def _warn_of_the_hook(draft: Draft, part: Part, seconds: float, grace_s: int, place: Place) -> None:
    held = part.held
    if held.fails:
        text = f"the hook fails at once and holds nothing back: {held.fails}"
        draft.warn("pre-stop-fails", PRE_STOP, text, place)
    elif not held.known:
        text = (
            f"how long the hook takes is unknown ({_script(part)}): {held.remark}; {plain(seconds)} s stand in, "
            f"--set {PRE_STOP}= tells"
        )
        draft.warn("pre-stop-unknown", PRE_STOP, text, place)
    elif held.stops and not seconds:
        text = (
            f"the hook makes '{part.container.name}' stop listening at the pod's deletion; what it sleeps afterwards "
            "only keeps the pod"
        )
        draft.warn("pre-stop-closes-listener-first", PRE_STOP, text, place)
    elif not seconds:
        text = "the hook takes no time: the server is told to stop while the ALB still sends requests"
        draft.warn("no-pre-stop", PRE_STOP, text, place)
    elif held.remark:
        draft.warn("pre-stop-remark", PRE_STOP, held.remark, place)
    if seconds and seconds >= grace_s:
        text = f"{plain(seconds)} s is not below the grace period, {grace_s} s: SIGTERM comes when that is over"
        draft.warn("grace-below-pre-stop", PRE_STOP, text, place)
    if "distroless" in part.container.image and part.hook and part.hook.exec_ and seconds:
        text = "a distroless image has no `sleep`: the hook would fail at once; `sleep: {seconds: N}` needs no program"
        draft.warn("sleep-may-be-missing", PRE_STOP, text, place)


def _script(part: Part) -> str:
    hook = part.hook
    return shown(" ".join(hook.exec_.command)) if hook and hook.exec_ else "httpGet"


def put_teardown(draft: Draft, parts: Sequence[Part], first: Part, grace_s: int, holder: Object) -> None:
    """Write how long the pod's address stays after its server: until the last container has ended."""
    last = max(parts, key=lambda part: part.held.seconds)
    stays_s = min(last.held.seconds, grace_s) - min(first.held.seconds, grace_s)
    if last is first or stays_s <= _DEFAULT_TEARDOWN_S:
        return
    key, place = "pod.sandbox_teardown_s", last.hook_place(holder)
    text = (
        f"container '{last.container.name}' keeps the pod for {plain(stays_s)} s after '{first.container.name}' has "
        "ended: its port refuses connections until then"
    )
    draft.put(key, whole(stays_s + _DEFAULT_TEARDOWN_S), place, "guessed", f"'{last.container.name}' keeps the pod")
    draft.warn("pod-outlives-server", key, text, place)


def whole(seconds: float) -> int | float:
    """Return a time as it is written, without a decimal point if it is whole."""
    return int(seconds) if seconds == int(seconds) else seconds
