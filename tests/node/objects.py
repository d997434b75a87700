"""Kubernetes objects for the rig: dual-stack Services of every policy, their slices, the Nodes."""
from dataclasses import dataclass, field

from rig import BACKEND_PORT, BALANCER, EXTERNAL

SPACE = "rig"
PORT = 80
FAMILIES = ("IPv4", "IPv6")


@dataclass
class Service:
    """A Service with every kind of address, TCP and UDP on the same numbers."""
    name: str
    number: int  # its addresses and ports follow from it
    backends: list = field(default_factory=list)  # rig.Pod
    internal: str = "Cluster"  # internalTrafficPolicy
    external: str = "Cluster"  # externalTrafficPolicy
    backend_port: int = BACKEND_PORT
    spec: dict = field(default_factory=dict)  # more fields of the spec
    annotations: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)

    @property
    def cluster_ips(self):
        return (f"10.96.{1 + self.number // 250}.{self.number % 250 + 1}",
                f"fd00:96::{self.number + 1:x}")

    @property
    def external_ips(self):
        return (f"{EXTERNAL[0]}.{self.number}", f"{EXTERNAL[1]}:{self.number:x}")

    @property
    def balancer_ips(self):
        return (f"{BALANCER[0]}.{self.number}", f"{BALANCER[1]}:{self.number:x}")

    @property
    def node_port(self):
        return 30000 + self.number

    def object(self):
        ports = [{"name": protocol.lower(), "protocol": protocol, "port": PORT,
                  "targetPort": self.backend_port, "nodePort": self.node_port}
                 for protocol in ("TCP", "UDP")]
        spec = {"type": "LoadBalancer", "clusterIP": self.cluster_ips[0],
                "clusterIPs": list(self.cluster_ips), "ipFamilies": list(FAMILIES),
                "ipFamilyPolicy": "RequireDualStack", "externalIPs": list(self.external_ips),
                "internalTrafficPolicy": self.internal, "externalTrafficPolicy": self.external,
                "ports": ports}
        if self.external == "Local":
            spec["healthCheckNodePort"] = 31000 + self.number
        ingress = [{"ip": ip, "ipMode": "VIP"} for ip in self.balancer_ips]
        return {"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": self.name, "namespace": SPACE, "uid": f"uid-{self.name}",
                             "creationTimestamp": "2026-01-01T00:00:00Z",
                             "annotations": self.annotations, "labels": self.labels},
                "spec": {**spec, **self.spec}, "status": {"loadBalancer": {"ingress": ingress}}}

    def slices(self):
        return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                 "metadata": {"name": f"{self.name}-{family.lower()}", "namespace": SPACE,
                              "labels": {"kubernetes.io/service-name": self.name}},
                 "addressType": family,
                 "ports": [{"name": protocol.lower(), "protocol": protocol,
                            "port": self.backend_port} for protocol in ("TCP", "UDP")],
                 "endpoints": [{"addresses": [pod.addresses[i]], "nodeName": pod.node,
                                "conditions": {"ready": True, "serving": True,
                                               "terminating": False}}
                               for pod in self.backends]}
                for i, family in enumerate(FAMILIES)]

    def objects(self):
        return [self.object(), *self.slices()]


def node_object(node):
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node.name, "labels": {"kubernetes.io/hostname": node.name}},
            "spec": {"podCIDR": node.pod_cidrs[0], "podCIDRs": list(node.pod_cidrs)},
            "status": {"addresses": [{"type": "InternalIP", "address": address}
                                     for address in node.addresses]}}


def all_objects(rig, services):
    return [*(node_object(node) for node in rig.nodes.values()),
            *(each for service in services for each in service.objects())]
