"""The ingress controller's flags as the keys of `controller`, beside its version.

Modelled: docs/facts/manifests.md §1.4.

Left out: flags for which the model has no key. Such flags are named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.manifests.pod_end import whole
from sim.manifests.quantities import go_duration_s
from sim.scenario.api_throttle import parse_throttle
from sim.scenario.releases import IngressControllerRelease, release_of

if TYPE_CHECKING:
    from sim.manifests.controller import Controller, Flag
    from sim.manifests.draft import Draft

_LEFT = {
    "aws-cache-enable": "",
    "aws-cache-duration": "",
    "targetgroupbinding-requeue-duration": "; a closed readiness gate is looked at every 15 s",
    "max-targets-per-target-group": "; every pod becomes a target",
}
"""Flags without a key, and what holds instead."""


def put_controller(draft: Draft, controller: Controller) -> None:
    """Write the flags that are given. `controller.version` must have been written before."""
    for warned in controller.warnings:
        draft.warn(warned.id, warned.key, warned.text, warned.place)
    _put_retries(draft, controller)
    _put_throttle(draft, controller)
    _put_workers(draft, controller)
    _put_duration(draft, "controller.sync_period_s", controller.flag("sync-period"))
    if not controller.is_v1 and not release_of(str(draft.values["controller.version"])).shares_requeue_bucket:
        longest = controller.flag("targetgroupbinding-max-exponential-backoff-delay")
        _put_duration(draft, "controller.max_backoff_s", longest)
    for name, reason in _LEFT.items():
        flag = controller.flag(name)
        if flag:
            draft.leave(flag.place, f"--{name} is not modelled{reason}")
    gates = controller.flag("feature-gates")
    if gates and "waf=false" in gates.value:
        draft.leave(gates.place, "without WAF the controller makes fewer calls; the model has no key for that")


def _put_retries(draft: Draft, controller: Controller) -> None:
    flag = controller.flag("aws-max-retries")
    if controller.max_retries_env and controller.is_v1:
        if flag and flag.value != controller.max_retries_env.value:
            text = f"AWS_MAX_RETRIES={controller.max_retries_env.value} overrides --aws-max-retries={flag.value}"
            draft.warn("max-retries-from-env", "controller.aws_max_retries", text, controller.max_retries_env.place)
        flag = controller.max_retries_env
    if flag:
        _put_number(draft, "controller.aws_max_retries", flag)


def _put_throttle(draft: Draft, controller: Controller) -> None:
    flag = controller.flag("aws-api-throttle")
    if flag is None or controller.is_v1:
        return
    try:
        parse_throttle(flag.value)
    except ValueError as error:
        draft.leave(flag.place, str(error), "controller.aws_api_throttle")
    else:
        draft.put("controller.aws_api_throttle", flag.value, flag.place)


def _put_workers(draft: Draft, controller: Controller) -> None:
    release = release_of(str(draft.values["controller.version"]))
    is_v1 = isinstance(release, IngressControllerRelease)
    flag = controller.flag("max-concurrent-reconciles" if is_v1 else "targetgroupbinding-max-concurrent-reconciles")
    if flag and release.has_workers_flag:
        _put_number(draft, "controller.max_concurrent_reconciles", flag)


def _put_number(draft: Draft, key: str, flag: Flag) -> None:
    if re.fullmatch(r"\d{1,9}", flag.value.strip()):
        draft.put(key, int(flag.value), flag.place)
    else:
        draft.leave(flag.place, f"'{flag.value}' is no number", key)


def _put_duration(draft: Draft, key: str, flag: Flag | None) -> None:
    if flag is None:
        return
    seconds = go_duration_s(flag.value)
    if seconds is None:
        draft.leave(flag.place, f"'{flag.value}' is no duration", key)
    else:
        draft.put(key, whole(seconds), flag.place)
