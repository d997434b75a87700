"""A control plane that is killed, stopped and brought back."""
import os
import time
import unittest

from control_plane import wait_for
from own_plane import OwnPlane
from workload import Load, answers

KILLED_FOR = float(os.environ.get("WHERRY_KILLED_FOR", "30"))  # seconds


class Outages(OwnPlane):
    # A10, A15: one life of a cluster, from outage to outage
    def test_without_an_api_server(self):
        self.serve_pods(3)
        process = self.run_wherry()
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
