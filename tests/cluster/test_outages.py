"""A control plane that is killed, stopped and brought back; a control plane of its own."""
import os
import time
import unittest

from control_plane import NODE_PROXY, ControlPlane, allow, wait_for
from network import Network
from wherry_process import Wherry
from workload import Load, Workload, answers

KILLED_FOR = float(os.environ.get("WHERRY_KILLED_FOR", "30"))  # seconds


class Outages(unittest.TestCase):
    def setUp(self):
        self.network = Network()
        self.addCleanup(self.network.close)
        self.plane = ControlPlane(self.network, [("token-of-wherry", "wherry")], controllers=False)
        self.addCleanup(self.plane.close)
        for user in ("wherry", "before", "after"):
            allow(self.plane.api, user, NODE_PROXY)
        self.work = Workload(self.plane.api, self.network, "default")
        self.addCleanup(self.work.close)
        self.state = self.plane.path("state")
        self.kubeconfig = self.plane.write_kubeconfig("wherry", "token: token-of-wherry")

    def run_wherry(self, *arguments, kubeconfig=None, **options):
        process = Wherry("--kubeconfig", kubeconfig or self.kubeconfig, "--endpoints", "pods",
                         *arguments, **options)
        self.addCleanup(process.kill)
        return process

    def serve_three_pods(self):
        self.work.add_service("my-service", {"app": "myapp"})
        for name in ("pod-1", "pod-2", "pod-3"):
            self.work.add_pod(name, {"app": "myapp"})

    def lists(self):
        return len([verb for verb, _, _ in self.plane.audit("wherry") if verb == "list"])

    # A10, A15, A27, A34: one life of a cluster, from outage to outage
    def test_without_an_api_server(self):
        self.serve_three_pods()
        process = self.run_wherry("--state-dir", self.state)
        process.wait_for_backends("default", "my-service", 3)
        address = process.address_of("default", "my-service")

        with self.subTest("pods without a slice controller"):
            self.assertEqual(set(answers(*address, 9)), {"pod-1", "pod-2", "pod-3"})
            # From its EndpointSlice, which the API server writes, in this mode too.
            self.assertEqual(process.backends("default", "kubernetes"), ["172.31.9.1:6443"])

        with self.subTest("the API server is killed"):
            lists, watched = process.metric("wherry_watch_lists_total"), len(self.plane.audit("wherry"))
            load = Load(*address, threads=1)
            self.plane.stop("server")
            time.sleep(KILLED_FOR)
            self.assertEqual(process.status("/readyz"), 200)
            verbose = process.get("/readyz?verbose")
            self.assertIn("stale", verbose)
            self.assertIn("services", verbose)
            self.plane.start_server()
            self.work.add_pod("pod-4", {"app": "myapp"})
            process.wait_for_backends("default", "my-service", 4, 60)
            load.stop()
            self.assertEqual(load.failed, 0)
            self.assertGreater(load.count, 100)
            # Each of four resources at most once.
            self.assertLessEqual(process.metric("wherry_watch_lists_total") - lists, 4)
            self.assertLessEqual(len(self.plane.audit("wherry")) - watched, 4 * 3)
            said = [line for line in process.log().splitlines() if "can't be followed" in line]
            self.assertLessEqual(len(said), 3, said)
            wait_for("the log says that it is over",
                     lambda: "is followed again" in process.log(), 60)
            wait_for("nothing is stale",
                     lambda: "stale" not in process.get("/readyz?verbose"), 60)

        with self.subTest("etcd is stopped and comes back"):
            self.plane.stop("etcd")
            time.sleep(5)
            self.assertEqual(len(answers(*address, 8)), 8)
            self.assertNotIn("", answers(*address, 8))
            self.plane.start_etcd()
            self.plane.wait_for_server()
            wait_for("a pod can be deleted",
                     lambda: self.work.delete_pod("pod-4") is None, 30)
            process.wait_for_backends("default", "my-service", 3, 60)

        with self.subTest("history is compacted while it does not look"):
            lists = process.metric("wherry_watch_lists_total")
            process.pause()
            self.work.add_pod("pod-5", {"app": "myapp"})
            self.plane.stop("server")
            self.work_on_history()
            process.resume()
            process.wait_for_backends("default", "my-service", 4, 60)
            wait_for("what can't be watched any more is listed",
                     lambda: process.metric("wherry_watch_lists_total") > lists, 60)
            wait_for("what happened meanwhile is known",
                     lambda: sum(row["namespace"] == "history" for row in process.table()) == 20, 60)

        with self.subTest("a start without API server serves the last good state"):
            time.sleep(6)  # it is written within 5 s
            process.process.kill()
            process.process.wait()
            self.plane.stop("server")
            started = time.monotonic()
            process = self.run_wherry("--state-dir", self.state)
            self.assertLess(time.monotonic() - started, 5)
            self.assertEqual(len(process.backends("default", "my-service")), 4)
            self.assertNotIn("", answers(*process.address_of("default", "my-service"), 8))
            self.assertIn("stale", process.get("/readyz?verbose"))
            self.plane.start_server()
            self.work.delete_pod("pod-5")
            process.wait_for_backends("default", "my-service", 3, 60)
            wait_for("nothing is stale",
                     lambda: "stale" not in process.get("/readyz?verbose"), 60)
            self.assertEqual(process.stop(), 0)

        with self.subTest("a damaged last good state is named and not used"):
            file = os.path.join(self.state, "last-good.json")
            with open(file, "r+b") as out:
                out.seek(os.path.getsize(file) // 2)
                out.write(b"damage")
            process = self.run_wherry("--state-dir", self.state)
            process.wait_for_backends("default", "my-service", 3)
            self.assertIn("the last good state is not used", process.log())
            self.assertIn(file, process.log())
            self.assertEqual(process.stop(), 0)

        with self.subTest("a client certificate is read again as it rotates"):
            names = []
            for number, user in enumerate(("before", "after")):
                names.append(self.plane.authority.issue(
                    f"client-{number}", f"/CN={user}", "extendedKeyUsage=clientAuth\n"))
            kubeconfig = self.plane.write_kubeconfig(
                "by-certificate", "client-certificate: client.crt", "client-key: client.key")
            for source, target in zip(names[0], ("client.crt", "client.key")):
                os.rename(source, self.plane.path(target))
            process = self.run_wherry(kubeconfig=kubeconfig)
            process.wait_for_backends("default", "my-service", 3)
            self.assertGreater(len(self.plane.audit("before")), 0)
            for source, target in zip(names[1], ("client.crt", "client.key")):
                os.rename(source, self.plane.path(target))
            self.plane.stop("server")
            self.plane.start_server()
            wait_for("requests come with the new certificate",
                     lambda: len(self.plane.audit("after")) >= 4, 60)
            self.assertEqual(process.stop(), 0)

    def work_on_history(self):
        """Restarts the server, so that it remembers nothing, over a database that doesn't either."""
        self.plane.start_server()
        plenty = Workload(self.plane.api, self.network, "history")
        for number in range(20):
            plenty.add_service(f"change-{number}", {"app": "x"})
        self.plane.stop("server")
        self.plane.compact()
        self.plane.start_server()


if __name__ == "__main__":
    unittest.main(verbosity=2)
