"""Proxies that are put into a pod when it is made. The Deployment does not show them.

Modelled: that there is one, by labels and annotations. Istio's proxy without a hook of its own ends some seconds after
the pod's deletion. From then on no request reaches the application, however long that sleeps.

Source: docs/facts/manifests.md §2.3 (istio pilot's TERMINATION_DRAIN_DURATION_SECONDS; Linkerd's annotation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.models import Template
    from sim.manifests.objects import Cluster, Object

_KEY = "pod.pre_stop_sleep_s"
_ISTIO = "sidecar.istio.io/inject"
_LINKERD = "linkerd.io/inject"
_LINKERD_WAITS = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"


def warn_of_injected(draft: Draft, holder: Object, template: Template, cluster: Cluster) -> None:
    """Warn if a mesh's proxy is injected that ends before the application."""
    own = {key: str(value).lower() for key, value in (template.metadata.annotations | template.metadata.labels).items()}
    namespace = cluster.get("Namespace", draft.workload.namespace)
    labels = namespace.labels | namespace.annotations if namespace else {}
    place = holder.place("spec", "template", "metadata")
    if own.get(_ISTIO, "true" if labels.get("istio-injection") == "enabled" else "") == "true":
        text = (
            "Istio injects a proxy, which drains for 5 s at the pod's deletion and ends, and with it the way of every "
            "request. The proxy does not if it is a native sidecar, waits for connections or has a longer "
            "terminationDrainDuration"
        )
        draft.warn("injected-proxy", _KEY, text, place)
    if own.get(_LINKERD, labels.get(_LINKERD, "")) == "enabled" and _LINKERD_WAITS not in own:
        text = f"Linkerd injects a proxy, which ends at the pod's deletion without {_LINKERD_WAITS}"
        draft.warn("injected-proxy", _KEY, text, place)
