"""What suites share that do to a control plane what no other suite would bear."""
import unittest

from control_plane import NODE_PROXY, ControlPlane, allow
from network import Network
from wherry_process import Wherry
from workload import Workload


class OwnPlane(unittest.TestCase):
    """One with no controllers, so that wherry matches pods itself; given up after each test."""
    users = ("wherry",)  # who may do what a node proxy does; the first has a token
    arguments = ()       # of the API server

    def setUp(self):
        self.network = Network()
        self.addCleanup(self.network.close)
        self.plane = ControlPlane(self.network, [("token-of-wherry", "wherry")], controllers=False,
                                  arguments=self.arguments)
        self.addCleanup(self.plane.close)
        for user in self.users:
            allow(self.plane.api, user, NODE_PROXY)
        self.work = Workload(self.plane.api, self.network, "default")
        self.addCleanup(self.work.close)
        self.kubeconfig = self.plane.write_kubeconfig("wherry", "token: token-of-wherry")

    def run_wherry(self, *arguments, kubeconfig=None, **options):
        process = Wherry("--kubeconfig", kubeconfig or self.kubeconfig, "--endpoints", "pods",
                         *arguments, **options)
        self.addCleanup(process.kill)
        return process

    def serve_pods(self, count):
        self.work.add_service("my-service", {"app": "myapp"})
        for number in range(1, count + 1):
            self.work.add_pod(f"pod-{number}", {"app": "myapp"})
