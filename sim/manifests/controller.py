"""The ingress controller's own settings: from its Deployment, or from the values file of its Helm chart.

Modelled (docs/facts/manifests.md §1.4):
- The version is the image's tag, else the label `app.kubernetes.io/version`, else the chart's.
- Flags come as `--k=v` or as `--k v`, and the last one counts.
- v1 reads AWS_MAX_RETRIES after its flags.

Sources: LBC is kubernetes-sigs/aws-load-balancer-controller: cmd/options.go (v1), pkg/config/*.go,
helm/aws-load-balancer-controller/templates/deployment.yaml at each tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.manifests.documents import Mapping
from sim.manifests.draft import Warned
from sim.manifests.guessing import split_image
from sim.manifests.models import Workload
from sim.manifests.objects import WORKLOADS
from sim.scenario.releases import IngressControllerRelease, nearest, release_of, version_number
from sim.scenario.releases.charts import release_of_chart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.manifests.models import Container
    from sim.manifests.objects import Cluster, Object, Place

_REPOSITORIES = {"aws-alb-ingress-controller", "aws-load-balancer-controller"}
_CHART = re.compile(r"aws-load-balancer-controller-(\d+)\.(\d+)\.(\d+)")
_HELM = {
    "awsMaxRetries": "aws-max-retries",
    "awsApiThrottle": "aws-api-throttle",
    "targetgroupbindingMaxConcurrentReconciles": "targetgroupbinding-max-concurrent-reconciles",
    "targetgroupbindingMaxExponentialBackoffDelay": "targetgroupbinding-max-exponential-backoff-delay",
    "syncPeriod": "sync-period",
    "defaultTargetType": "default-target-type",
    "ingressClass": "ingress-class",
    "watchNamespace": "watch-namespace",
    "enablePodReadinessGateInject": "enable-pod-readiness-gate-inject",
    "targetgroupbindingRequeueDuration": "targetgroupbinding-requeue-duration",
    "maxTargetsPerTargetGroup": "max-targets-per-target-group",
}


class Flag(NamedTuple):
    """A flag's value, and where it stands."""

    value: str
    place: Place


@dataclass(slots=True)
class Controller:
    """The controller of the cluster, as far as the input tells; `version` is empty if it does not."""

    place: Place
    version: str = ""
    version_place: Place | None = None
    flags: dict[str, Flag] = field(default_factory=dict)
    max_retries_env: Flag | None = None
    warnings: list[Warned] = field(default_factory=list)

    @property
    def is_v1(self) -> bool:
        """Whether the controller is the ALB Ingress Controller, which knows no groups."""
        return bool(self.version) and isinstance(release_of(self.version), IngressControllerRelease)

    def flag(self, name: str) -> Flag | None:
        """Return a flag, None if it is not given."""
        return self.flags.get(name)

    @property
    def prefix(self) -> str:
        """The prefix of its annotations."""
        flag = self.flag("annotations-prefix")
        return flag.value if flag and flag.value else "alb.ingress.kubernetes.io"


def find_controllers(cluster: Cluster) -> Iterator[tuple[Object, Controller]]:
    """Return each controller among the workloads."""
    for workload in cluster.of(*sorted(WORKLOADS)):
        template = (
            (workload.body.get("spec") or {}).get("template") if isinstance(workload.body.get("spec"), dict) else None
        )
        if "ingress-controller" not in str(template) and "balancer-controller" not in str(template):
            continue
        parsed = workload.parsed(Workload).spec.template
        for number, container in enumerate(parsed.spec.containers if parsed else ()):
            if split_image(container.image)[0].rsplit("/", 1)[-1] in _REPOSITORIES:
                yield workload, _of_container(workload, container, number)
                break


def _of_container(workload: Object, container: Container, number: int) -> Controller:
    path = ("spec", "template", "spec", "containers", number)
    found = Controller(workload.place(*path))
    tag = split_image(container.image)[1]
    version, at = _version(tag), workload.place(*path, "image")
    if not version:
        label = workload.labels.get("app.kubernetes.io/version", "")
        version, at = _version(label), workload.place("metadata", "labels", "app.kubernetes.io/version")
    if not version:
        version, at = (
            _of_chart(workload.labels.get("helm.sh/chart", "")),
            workload.place("metadata", "labels", "helm.sh/chart"),
        )
    found.version, found.version_place = version, at if version else None
    if tag and version and version_number(_numbers(tag) or version) != version_number(version):
        found.warnings.append(
            Warned(
                "controller-version-not-modelled",
                "controller.version",
                f"{tag} is not modelled; {version} stands in",
                at,
            )
        )
    for name in ("command", "args"):
        words = getattr(container, name)
        for index, flag, value in _flags(words):
            found.flags[flag] = Flag(value, workload.place(*path, name, index))
    for index, variable in enumerate(container.env):
        if variable.name == "AWS_MAX_RETRIES" and variable.value is not None:
            found.max_retries_env = Flag(str(variable.value), workload.place(*path, "env", index))
    return found


def of_values(values: Object) -> Controller:
    """Return the controller that a values file of its chart describes."""
    found = Controller(values.place())
    image = values.body.get("image")
    tag = image.get("tag") if isinstance(image, Mapping) else None
    found.version = _version(str(tag or ""))
    found.version_place = values.place("image", "tag") if found.version else None
    for key, flag in _HELM.items():
        value = values.body.get(key)
        if isinstance(value, list):
            value = ",".join(str(item) for item in value)
        if value is False or value not in (None, "", 0):
            found.flags[flag] = Flag(str(value), values.place(key))
    return found


def is_values(document: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    """Return whether a document is a values file of the controller's chart."""
    if not isinstance(document, Mapping) or "kind" in document:
        return False
    image = document.get("image")
    repository = str(image.get("repository", "")) if isinstance(image, Mapping) else ""
    return "clusterName" in document or repository.rsplit("/", 1)[-1] in _REPOSITORIES


def _flags(words: list[str]) -> Iterator[tuple[int, str, str]]:
    for index, word in enumerate(words):
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            continue
        if not equals:
            following = words[index + 1] if index + 1 < len(words) else "-"
            value = "true" if following.startswith("-") else following
        yield index, name, value.strip("\"'") if value else value


def _numbers(tag: str) -> str:
    found = re.match(r"v?(\d+\.\d+(?:\.\d+)?)", tag)
    return f"v{found[1]}" if found and not found[1].startswith(("0.", "1.0")) else ""


def _version(tag: str) -> str:
    """Return the release of an image's tag as a scenario writes it, or the nearest one that is known."""
    number = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", tag)
    if number is None:
        return ""
    return nearest(int(number[1]), int(number[2]), int(number[3] or 0))


def _of_chart(label: str) -> str:
    """Return the release of a chart's label."""
    found = _CHART.fullmatch(label)
    return (release_of_chart(*map(int, found.groups())) or "") if found else ""
