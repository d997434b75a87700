"""The API server of tests/cluster as a host of the rig, with the rig's objects in it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cluster"))

from control_plane import EVENTS, ControlPlane, allow, rule  # noqa: E402  (after the path is set)
from hosts import mortal  # noqa: E402
from objects import SPACE, node_object  # noqa: E402
from rig import SERVICE_CIDRS  # noqa: E402

TOKEN = "token-of-proxy"
PROXY = [rule("", "services", "nodes"), rule("discovery.k8s.io", "endpointslices"),
         rule("networking.k8s.io", "servicecidrs"), rule("", "nodes", verbs=("get",)), EVENTS,
         rule("", "events", verbs=("create", "patch", "update"))]


class Inside:
    """What ControlPlane takes for a network: it starts its programs inside this host."""

    def __init__(self, host):
        self.host = host

    def inside(self, *command):
        return ["nsenter", f"--net={self.host.path}", *mortal(*command)]


class Cluster:
    """An API server without controllers: what is written is all there is. Every call that speaks
    with it runs inside the control host."""

    def __init__(self, rig):
        self.rig = rig
        with rig.control.inside():
            self.plane = ControlPlane(
                Inside(rig.control), [(TOKEN, "proxy")], controllers=False,
                arguments=["--service-cluster-ip-range", ",".join(SERVICE_CIDRS)])
            allow(self.plane.api, "proxy", PROXY)
            self.plane.api.create("/api/v1/namespaces", {"metadata": {"name": SPACE}})
        for node in rig.nodes.values():
            self.put_node(node)

    def kubeconfig(self):
        return self.plane.write_kubeconfig("proxy", f"token: {TOKEN}")

    def put_node(self, node):
        wanted = node_object(node)
        with self.rig.control.inside():
            path = "/api/v1/nodes"
            self.plane.api.create(path, wanted)
            self.plane.api.request("PATCH", f"{path}/{node.name}/status",
                                   {"status": wanted["status"]}, "application/merge-patch+json")

    def put_service(self, service):
        wanted = service.object()
        wanted["metadata"] = {key: wanted["metadata"][key] for key in
                              ("name", "namespace", "annotations", "labels")}
        with self.rig.control.inside():
            path = f"/api/v1/namespaces/{SPACE}/services"
            self.plane.api.create(path, wanted)
            self.plane.api.request("PATCH", f"{path}/{service.name}/status",
                                   {"status": wanted["status"]}, "application/merge-patch+json")
            for each in service.slices():
                self.plane.api.create(
                    f"/apis/discovery.k8s.io/v1/namespaces/{SPACE}/endpointslices", each)

    def close(self):
        self.plane.close()
