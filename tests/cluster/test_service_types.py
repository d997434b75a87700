"""One Service taken through every type, policy, affinity and label; wherry's row after each."""
import json
import unittest

from control_plane import NODE_PROXY, ControlPlane, allow, wait_for
from network import Network
from wherry_process import Wherry
from workload import PORT, Workload

SPACE = "turns"


def setUpModule():
    global network, plane
    network = Network()
    plane = ControlPlane(network, [("token-of-wherry", "wherry")])
    allow(plane.api, "wherry", NODE_PROXY)
    # The slice controller leaves pods out whose Node is not there.
    plane.api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node",
                                       "metadata": {"name": "node-2"}})


def tearDownModule():
    plane.close()
    network.close()


class ServiceTypes(unittest.TestCase):
    def setUp(self):
        self.work = Workload(plane.api, network, SPACE)
        self.addCleanup(self.work.close)
        kubeconfig = plane.write_kubeconfig("kubeconfig", "token: token-of-wherry")
        self.process = Wherry("--kubeconfig", kubeconfig)
        self.addCleanup(self.process.kill)

    def change(self, patch, *arguments):
        plane.kubectl("patch", "service", "web", "-n", SPACE, "--type=merge", "-p",
                      json.dumps(patch), *arguments)

    def spec(self, **fields):
        self.change({"spec": fields})

    def becomes(self, what, **wanted):
        """Waits until the row says all of it. Decisions are written "forward a b"."""
        def look():
            row = self.process.row(SPACE, "web")
            return row is not None and all(self.short(row[key]) == value
                                           for key, value in wanted.items())
        try:
            wait_for(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}: wanted {wanted}, "
                                 f"found {self.process.row(SPACE, 'web')}") from None

    def short(self, value):
        if not isinstance(value, dict):
            return value
        names = sorted(self.names.get(backend, backend) for backend in value["backends"])
        return " ".join([value["verdict"], *names])

    def is_gone(self, what):
        wait_for(what, lambda: self.process.row(SPACE, "web") is None)

    def service(self):
        return plane.api.get(f"/api/v1/namespaces/{SPACE}/services/web")

    # S1, S3, S4, S5, S6, E6, E7, E8, E9, L3, F1
    def test_a_service_goes_through_every_type_policy_affinity_and_label(self):
        work = self.work
        work.add_service("web", {"app": "web"})
        self.names = {f"{work.add_pod(name, {'app': 'web'}, node=node)}:{PORT}": name
                      for name, node in (("here", "node-1"), ("there", "node-2"))}
        both, here, there = "forward here there", "forward here", "forward there"
        self.becomes("ClusterIP", internal=both, external=None, externalFromNode=None, nodePort=0,
                     clusterIP=self.service()["spec"]["clusterIP"])

        self.spec(internalTrafficPolicy="Local")
        self.becomes("internal Local", internal=here, internalTrafficPolicy="Local")
        self.spec(internalTrafficPolicy="Cluster")
        self.becomes("internal Cluster", internal=both, internalTrafficPolicy="Cluster")

        self.spec(type="NodePort")
        self.becomes("NodePort", internal=both, external=both,
                     nodePort=self.service()["spec"]["ports"][0]["nodePort"])
        self.spec(externalTrafficPolicy="Local")
        self.becomes("external Local", internal=both, external=here, externalFromNode=both)

        self.spec(type="LoadBalancer", loadBalancerSourceRanges=["203.0.113.0/24"])
        self.change({"status": {"loadBalancer": {"ingress": [
            {"ip": "192.0.2.1", "ipMode": "VIP"}, {"ip": "192.0.2.2", "ipMode": "Proxy"}]}}},
            "--subresource=status")
        self.becomes("LoadBalancer", loadBalancerIPs=["192.0.2.1"], external=here,
                     sourceRanges=["203.0.113.0/24"],
                     healthCheckNodePort=self.service()["spec"]["healthCheckNodePort"])

        work.set_pod_status("here", ready=False)
        self.becomes("nobody here", internal=there, external="drop",
                     externalFromNode=there)
        work.set_pod_status("there", ready=False)
        self.becomes("nobody anywhere", internal="reject", external="reject",
                     externalFromNode="reject")
        for name in ("here", "there"):
            work.set_pod_status(name, ready=True)
        self.becomes("both again", internal=both, external=here)

        self.spec(externalTrafficPolicy="Cluster", loadBalancerSourceRanges=None)
        self.becomes("external Cluster", external=both, sourceRanges=[], healthCheckNodePort=0)

        self.spec(sessionAffinity="ClientIP")
        self.becomes("affinity", sessionAffinity="ClientIP")
        self.spec(sessionAffinity="None")
        self.becomes("no affinity", sessionAffinity="None")

        self.change({"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": "x"}}})
        self.is_gone("another proxy's")
        self.change({"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": None}}})
        self.becomes("ours again", internal=both)
        self.change({"metadata": {"labels": {"service.kubernetes.io/headless": ""}}})
        self.spec(ports=[{"port": 81, "targetPort": PORT, "protocol": "TCP"}])
        self.becomes("another port; headless is said of slices only", servicePort=81)

        self.spec(type="ClusterIP", externalIPs=["192.0.2.9"])
        self.becomes("externalIPs", externalIPs=["192.0.2.9"], loadBalancerIPs=[], nodePort=0,
                     external=both)
        self.spec(externalTrafficPolicy="Local")
        self.becomes("external Local by externalIPs", external=here, externalFromNode=both)
        self.spec(externalIPs=None, externalTrafficPolicy=None)
        self.becomes("no way in", external=None, externalTrafficPolicy="Cluster")

        self.spec(type="ExternalName", externalName="example.com", clusterIP=None,
                  clusterIPs=None, ipFamilies=None, ipFamilyPolicy=None,
                  internalTrafficPolicy=None)
        self.is_gone("ExternalName")
        self.spec(type="NodePort", externalName=None)
        self.becomes("NodePort out of ExternalName", internal=both, external=both,
                     clusterIP=self.service()["spec"]["clusterIP"])
        plane.kubectl("delete", "service", "web", "-n", SPACE)
        self.is_gone("deleted")
        self.assertEqual(self.process.stop(), 0)


if __name__ == "__main__":
    unittest.main()
