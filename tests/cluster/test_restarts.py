"""wherry, its credentials or the API server are not what they were when it looks again."""
import os
import time
import unittest

from control_plane import wait_for
from own_plane import OwnPlane
from workload import Workload, answers


class Restarts(OwnPlane):
    users = ("wherry", "before", "after")

    # A34
    def test_a_start_without_API_server_serves_the_last_good_state(self):
        state = self.plane.path("state")
        self.serve_pods(4)
        process = self.run_wherry("--state-dir", state)
        process.wait_for_backends("default", "my-service", 4)
        time.sleep(6)  # it is written within 5 s
        process.process.kill()
        process.process.wait()
        self.plane.stop("server")
        started = time.monotonic()
        process = self.run_wherry("--state-dir", state)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(len(process.backends("default", "my-service")), 4)
        self.assertNotIn("", answers(*process.address_of("default", "my-service"), 8))
        self.assertIn("stale", process.get("/readyz?verbose"))
        self.plane.start_server()
        self.work.delete_pod("pod-4")
        process.wait_for_backends("default", "my-service", 3, 60)
        wait_for("nothing is stale",
                 lambda: "stale" not in process.get("/readyz?verbose"), 60)
        self.assertEqual(process.stop(), 0)

        with self.subTest("a damaged one is named and not used"):
            file = os.path.join(state, "last-good.json")
            with open(file, "r+b") as out:
                out.seek(os.path.getsize(file) // 2)
                out.write(b"damage")
            process = self.run_wherry("--state-dir", state)
            process.wait_for_backends("default", "my-service", 3)
            self.assertIn("the last good state is not used", process.log())
            self.assertIn(file, process.log())
            self.assertEqual(process.stop(), 0)

    # A27
    def test_a_client_certificate_is_read_again_as_it_rotates(self):
        self.serve_pods(3)
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

    # A10
    def test_what_was_compacted_while_it_did_not_look_is_listed(self):
        self.serve_pods(3)
        process = self.run_wherry()
        process.wait_for_backends("default", "my-service", 3)
        lists = process.metric("wherry_watch_lists_total")
        process.pause()
        self.work.add_pod("pod-4", {"app": "myapp"})
        self.plane.stop("server")
        self.work_on_history()
        process.resume()
        process.wait_for_backends("default", "my-service", 4, 60)
        wait_for("what can't be watched any more is listed",
                 lambda: process.metric("wherry_watch_lists_total") > lists, 60)
        wait_for("what happened meanwhile is known",
                 lambda: sum(row["namespace"] == "history" for row in process.table()) == 20, 60)
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
