"""A scenario as the manifests of which it would be read: written apart from what reads them, after the API."""

from __future__ import annotations

from typing import Any

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: web
        image: nginx:1.27
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: 80}}
        lifecycle: {preStop: {sleep: {seconds: 20}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/target-type: ip}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: kube-system}
spec:
  selector: {matchLabels: {app: c}}
  template:
    metadata: {labels: {app: c}}
    spec: {containers: [{name: c, image: "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.4"}]}
"""
"""Manifests in which nothing is amiss, to change one thing in."""
ANNOTATION = "alb.ingress.kubernetes.io"
ROUTING = {"random": "weighted_random", "round_robin": "round_robin"}
NODE_INFO = (
    *("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID"),
    *("operatingSystem", "osImage", "systemUUID"),
)
HEALTH_CHECK = {
    "interval_s": "healthcheck-interval-seconds",
    "timeout_s": "healthcheck-timeout-seconds",
    "healthy_threshold": "healthy-threshold-count",
    "unhealthy_threshold": "unhealthy-threshold-count",
}


def manifests(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects: a Deployment, its Service, an Ingress for each of the ALBs, the Namespace, the controller."""
    n_albs = raw["controller"].get("ingresses", 1)
    others = [ingress(raw, f"other-{number}", 1) for number in range(n_albs - 1)]
    return [
        deployment(raw),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "prod"},
            "spec": {
                "type": "NodePort",
                "selector": {"app": "web"},
                "ports": [{"port": 80 + number, "targetPort": 8080} for number in range(9)],
            },
        },
        ingress(raw, "web", raw["controller"]["target_groups"]),
        *others,
        controller(raw["controller"]),
        *(node(raw, number) for number in range(n_nodes(raw))),
    ]


def n_nodes(raw: dict[str, Any]) -> int:
    return int(raw.get("nodes", {}).get("count", raw["target_group"].get("instances", 0)))


def node(raw: dict[str, Any], number: int) -> dict[str, Any]:
    given = raw.get("nodes", {})
    labels = {"node.kubernetes.io/instance-type": given.get("instance_type")}
    if "zones" in given:
        labels["topology.kubernetes.io/zone"] = f"zone-{number % given['zones']}"
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": "True"}]}
    if "max_pods" in given:
        status["capacity"] = {"pods": str(given["max_pods"])}
    if "kubernetes" in raw:
        version = {"kubeletVersion": f"{raw['kubernetes']['version']}.7-eks-1234567"}
        status["nodeInfo"] = dict.fromkeys(NODE_INFO, "") | version
    metadata = {"name": f"n{number}", "labels": labels if given else {}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def requests(raw: dict[str, Any]) -> dict[str, str]:
    """Return a container's requests, in the units of which there are several."""
    given = raw.get("nodes", {})
    cpu, memory = given.get("pod_cpu_m"), given.get("pod_memory_mib")
    of_cpu = {"cpu": f"{cpu}m" if cpu % 3 else str(cpu / 1000)} if cpu else {}
    return of_cpu | ({"memory": f"{memory}Mi" if memory % 2 else str(memory * 2**20)} if memory else {})


def deployment(raw: dict[str, Any]) -> dict[str, Any]:
    given, pod = raw["deployment"], raw["pod"]
    kind = given.get("kind", "Deployment")
    rolling = {
        "maxSurge": given.get("max_surge"),
        "maxUnavailable": given.get("max_unavailable"),
        "partition": given.get("partition"),
    }
    container: dict[str, Any] = {
        "name": "web",
        "image": "registry.example.com/web:1",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": requests(raw)},
    }
    if "pre_stop_sleep_s" in pod:
        container["lifecycle"] = {"preStop": hook(pod["pre_stop_sleep_s"])}
    spec: dict[str, Any] = {"containers": [container]}
    if "termination_grace_period_s" in pod:
        spec["terminationGracePeriodSeconds"] = pod["termination_grace_period_s"]
    if pod.get("readiness_gate"):
        spec["readinessGates"] = [{"conditionType": gate(raw["controller"]["version"])}]
    of_deployment: dict[str, Any] = {
        "replicas": given["replicas"],
        "selector": {"matchLabels": {"app": "web"}},
        **({"serviceName": "web"} if kind == "StatefulSet" else {}),
        "strategy" if kind == "Deployment" else "updateStrategy": {"type": "Recreate"}
        if "strategy" in given
        else {"rollingUpdate": {key: value for key, value in rolling.items() if value is not None}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
    }
    if "min_ready_s" in given:
        of_deployment["minReadySeconds"] = given["min_ready_s"]
    metadata = {"name": "web", "namespace": "prod"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": of_deployment}


def hook(seconds: int) -> dict[str, Any]:
    """Return a hook of one of the spellings, by the number."""
    spellings: list[dict[str, Any]] = [
        {"sleep": {"seconds": seconds}},
        {"exec": {"command": ["sleep", str(seconds)]}},
        {"exec": {"command": ["/bin/sh", "-c", f"sleep {seconds} && echo over"]}},
        {"exec": {"command": ["bash", "-ec", f"date; sleep {seconds - 1}s; sleep 1"]}},
    ]
    return spellings[seconds % 4]


def gate(version: str) -> str:
    return f"target-health.{'alb.ingress.k8s.aws/web_web_80' if version.startswith('v1.') else 'elbv2.k8s.aws/web'}"


def ingress(raw: dict[str, Any], name: str, n_target_groups: int) -> dict[str, Any]:
    group, controller = raw["target_group"], raw["controller"]
    https = controller["https_listeners"]
    ports = [{"HTTPS" if number < https else "HTTP": 8000 + number} for number in range(controller["listeners"])]
    annotations = {
        "kubernetes.io/ingress.class": "alb",
        f"{ANNOTATION}/target-type": group["target_type"],
        f"{ANNOTATION}/listen-ports": str(ports).replace("'", '"'),
    }
    attributes = []
    if "deregistration_delay_s" in group:
        attributes.append(f"deregistration_delay.timeout_seconds={group['deregistration_delay_s']}")
    if "slow_start_s" in group:
        attributes.append(f"slow_start.duration_seconds={group['slow_start_s']}")
    if "routing" in group:
        attributes.append(f"load_balancing.algorithm.type={ROUTING.get(group['routing'], group['routing'])}")
    if attributes:
        annotations[f"{ANNOTATION}/target-group-attributes"] = ", ".join(attributes)
    if "idle_timeout_s" in group:
        annotations[f"{ANNOTATION}/load-balancer-attributes"] = (
            f"idle_timeout.timeout_seconds={group['idle_timeout_s']}"
        )
    for key, value in group.get("health_check", {}).items():
        annotations[f"{ANNOTATION}/{HEALTH_CHECK[key]}"] = str(value)
    paths = [
        {
            "path": f"/{number}",
            "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80 + number}}},
        }
        for number in range(n_target_groups)
    ]
    metadata = {"name": name, "namespace": "prod", "annotations": annotations}
    spec = {"rules": [{"http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def controller(given: dict[str, Any]) -> dict[str, Any]:
    is_v1 = given["version"].startswith("v1.")
    flags = {
        "aws_max_retries": "aws-max-retries",
        "max_concurrent_reconciles": f"{'' if is_v1 else 'targetgroupbinding-'}max-concurrent-reconciles",
        "sync_period_s": "sync-period",
        "aws_api_throttle": "aws-api-throttle",
    }
    args = [
        f"--{flags[key]}={value}{'s' if key == 'sync_period_s' else ''}" for key, value in given.items() if key in flags
    ]
    image = (
        f"example.com/{'aws-alb-ingress-controller' if is_v1 else 'aws-load-balancer-controller'}:{given['version']}"
    )
    labels = {"app": "controller"}
    pod = {"containers": [{"name": "controller", "image": image, "args": args}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    metadata = {"name": "controller", "namespace": "kube-system"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
