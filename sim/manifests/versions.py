"""Which controller is assumed when the input does not hold it: the newest. And what the version must be at least.

Source: docs/facts/manifests.md §1.4, each boundary from the tags of kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError, shown
from sim.scenario.releases import NEWEST, LoadBalancerControllerRelease, first, release_of, version_number

if TYPE_CHECKING:
    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.joining import TargetGroup

_KEY = "controller.version"


def put_version(draft: Draft, controller: Controller, target_group: TargetGroup, told: str) -> None:
    """Write `controller.version`: what the user tells, the controller's own, or the newest."""
    ingress = target_group.ingress
    holder = ingress.object if ingress else target_group.binding or target_group.service
    if told:
        draft.put(_KEY, _release(told), holder.place(), "read", "--controller-version")
    elif controller.version and controller.version_place:
        draft.put(_KEY, controller.version, controller.version_place)
    else:
        place, why = holder.place(), _least(target_group)
        draft.put(_KEY, NEWEST, place, "assumed", f"no controller in the input{why}")
        text = (
            f"no controller in the input: {NEWEST}, the newest known here, is assumed{why}; --controller-version tells"
        )
        draft.warn("controller-assumed", _KEY, text, place)


def _release(told: str) -> str:
    version = told if told.startswith("v") else f"v{told}"
    try:
        version_number(version)
    except ValueError:
        problem = Problem(file="--controller-version", expected="a release such as v2.13.4", found=shown(told))
        raise ScenarioError([problem]) from None
    return version


def _least(target_group: TargetGroup) -> str:
    """Return in words from which release on there is what the input uses."""
    first_of_v2 = first(lambda release: isinstance(release, LoadBalancerControllerRelease))
    ingress = target_group.ingress
    if ingress is None:
        return f"; a TargetGroupBinding needs {first_of_v2}"
    names = {key.rpartition("/")[2] for key in ingress.object.annotations}
    telling = sorted(names & release_of(NEWEST).reads_annotations, key=lambda name: version_number(_since(name)))
    if telling:
        return f"; {telling[-1]} needs {_since(telling[-1])}"
    if ingress.spec.ingress_class_name or ingress.params:
        return f"; an IngressClass needs {first_of_v2}"
    return ""


def _since(annotation: str) -> str:
    """Return the first release that reads an annotation."""
    return first(lambda release: annotation in release.reads_annotations)
