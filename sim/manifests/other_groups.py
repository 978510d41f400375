"""The further target groups of a workload, of which the model has one: whether they are like that one.

Modelled: what is said of each is compared key by key. One group stands for all only if all are alike.

Left out: the calls by which the controller changes the further ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.draft import Draft
from sim.manifests.load_balancers import put_load_balancer
from sim.manifests.target_groups import put_target_group
from sim.scenario.canary import CanarySpec
from sim.scenario.problems import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.manifests.controller import Controller
    from sim.manifests.joining import Network, TargetGroup

_GROUP = "target_group."
_MOST_SHOWN = 5


def warn_of_others(
    draft: Draft, taken: TargetGroup, others: Sequence[TargetGroup], network: Network, controller: Controller
) -> None:
    """Say that the pods are in several target groups, and in what these differ. A canary of the model has two."""
    others = others[1:] if draft.values.get("disruption") == CanarySpec.kind else others
    if not others:
        return
    own = _said_of(draft, taken, network, controller)
    differences = [
        f"{one.name} has {key} {_shown(said.get(key))}, not {_shown(own.get(key))}"
        for one in others
        for said in [_said_of(draft, one, network, controller)]
        for key in sorted(own.keys() | said.keys())
        if own.get(key) != said.get(key)
    ]
    text = f"its pods are in {len(others) + 1} target groups; taken is {taken.name}"
    if differences:
        more = "; …" if len(differences) > _MOST_SHOWN else ""
        text += f". {'; '.join(differences[:_MOST_SHOWN])}{more}. --set takes these instead"
    else:
        text += ", and the others are alike in all that is read"
    key = f"{_GROUP}deregistration_delay_s" if differences else "controller.target_groups"
    draft.warn("several-target-groups", key, text, taken.place)


def _shown(value: object) -> str:
    return "the default" if value is None else shown(value)


def _said_of(draft: Draft, one: TargetGroup, network: Network, controller: Controller) -> Mapping[str, object]:
    """Return what the input says of a target group and its ALB, AWS's answers aside."""
    alone = Draft(draft.workload, draft.holder)
    alone.values["controller.version"] = draft.values["controller.version"]
    put_target_group(alone, one, controller)
    if one.ingress is not None:
        put_load_balancer(alone, network.members(one.ingress.alb))
    return {key: value for key, value in alone.values.items() if key.startswith(_GROUP)}
