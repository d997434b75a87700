"""A control plane whose packets get lost, and one that is older."""
import time
import unittest

from control_plane import wait_for
from own_plane import OwnPlane
from workload import answers


class Silence(OwnPlane):
    arguments = ("--feature-gates", "WatchList=false")

    # A3, A17
    def test_an_older_server_and_a_connection_that_is_cut_silently(self):
        self.serve_pods(1)
        process = self.run_wherry()
        process.wait_for_backends("default", "my-service", 1)
        with self.subTest("an API server without WatchList"):
            verbs = {verb for verb, _, _ in self.plane.audit("wherry")}
            self.assertEqual(verbs, {"list", "watch"})
            self.work.add_pod("pod-2", {"app": "myapp"})
            process.wait_for_backends("default", "my-service", 2)
            self.assertNotIn(" warn ", process.log())

        with self.subTest("packets are lost, and nobody says so"):
            self.network.cut()
            cut = time.monotonic()
            wait_for("it is noticed", lambda: "can't be followed" in process.log(), 150, 0.5)
            print(f"noticed after {time.monotonic() - cut:.0f} s")
            self.assertNotIn("", answers(*process.address_of("default", "my-service"), 4))
            self.network.mend()
            self.work.add_pod("pod-3", {"app": "myapp"})
            process.wait_for_backends("default", "my-service", 3, 90)
            wait_for("nothing is stale",
                     lambda: "stale" not in process.get("/readyz?verbose"), 90)
        self.assertEqual(process.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
