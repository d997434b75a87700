"""One control plane, a namespace for each test: what a healthy cluster asks of its follower."""
import itertools
import os
import random
import tempfile
import time
import unittest

from control_plane import ADMIN, EVENTS, NODE_PROXY, ControlPlane, allow, rule, wait_for
from network import Network
from wherry_process import Wherry, wherry
from workload import Load, Workload, answer, answers

README_SERVICE = """kind: Service
apiVersion: v1
metadata:
  name: my-service
spec:
  selector:
    app: myapp
  ports:
  - protocol: TCP
    port: 80
    targetPort: 9376
"""
USERS = [("token-of-wherry", "wherry"), ("token-of-limited", "limited"),
         ("token-of-poller", "poller"), ("token-of-newcomer", "newcomer")]


def setUpModule():
    global network, plane
    network = Network()
    plane = ControlPlane(network, USERS)
    allow(plane.api, "wherry", NODE_PROXY)


def tearDownModule():
    plane.close()
    network.close()


class ClusterTest(unittest.TestCase):
    def start(self, *arguments, token="token-of-wherry", **options):
        kubeconfig = plane.write_kubeconfig(f"kubeconfig-{token}", f"token: {token}")
        process = Wherry("--kubeconfig", kubeconfig, *arguments, **options)
        self.addCleanup(process.kill)
        return process

    def space(self, name):
        work = Workload(plane.api, network, name)
        self.addCleanup(work.close)
        return work


class Following(ClusterTest):
    # A1, A2
    def test_the_service_of_the_readme_is_served_through_the_slice_controller(self):
        process = self.start()
        work = self.space("default")
        plane.kubectl("apply", "-f", "-", text=README_SERVICE)
        for name in ("pod-1", "pod-2", "pod-3"):
            work.add_pod(name, {"app": "myapp"})
        work.add_pod("other", {"app": "other"})
        process.wait_for_backends("default", "my-service", 3)
        named = answers(*process.address_of("default", "my-service"), 30)
        self.assertEqual({name: named.count(name) for name in named},
                         {"pod-1": 10, "pod-2": 10, "pod-3": 10})
        # A Service without a selector, whose slice the API server writes.
        self.assertEqual(process.backends("default", "kubernetes"), ["172.31.9.1:6443"])
        self.assertEqual(process.stop(), 0)

    def test_pods_come_and_go_under_load_without_one_failed_connection(self):
        process = self.start()
        work = self.space("under-load")
        work.add_service("busy", {"app": "busy"})
        for number in range(3):
            work.add_pod(f"first-{number}", {"app": "busy"})
        process.wait_for_backends("under-load", "busy", 3)
        load = Load(*process.address_of("under-load", "busy"))
        for number in range(8):
            name = f"later-{number}"
            work.add_pod(name, {"app": "busy"})
            process.wait_for_backends("under-load", "busy", 4)
            if number % 2:
                work.set_pod_status(name, ready=False)
            else:
                work.delete_pod(name, grace=30)
            process.wait_for_backends("under-load", "busy", 3)
            time.sleep(0.1)  # connections of a moment ago
            work.delete_pod(name)
        load.stop()
        self.assertEqual(load.failed, 0)
        self.assertGreater(load.count, 200)
        self.assertTrue(any(name.startswith("later") for name in load.names), load.names)

    # W7: what is granted here in the end is all that kube-proxy has, and pods are not among it
    def test_a_forbidden_verb_names_the_rule_and_is_used_once_it_is_granted(self):
        allow(plane.api, "newcomer", [rule("", "services", "nodes"),
                                      rule("discovery.k8s.io", "endpointslices", verbs=["list"])],
              name="newcomer-first")
        work = self.space("newcomers")
        work.add_service("seen", {"app": "seen"})
        work.add_pod("seen", {"app": "seen"})
        kubeconfig = plane.write_kubeconfig("kubeconfig-check", "token: token-of-newcomer")
        checked = wherry("check", "--kubeconfig", kubeconfig, "--node-name", "node-1")
        self.assertEqual(checked.returncode, 77, checked.stdout + checked.stderr)
        self.assertIn("list services: ok", checked.stdout)
        self.assertIn("list endpointslices: ok", checked.stdout)
        self.assertIn("endpointslices", checked.stderr)
        self.assertIn('verbs: ["list", "watch"]', checked.stderr)

        process = self.start(token="token-of-newcomer")
        wait_for("the log names the rule", lambda: "discovery.k8s.io" in process.log() and
                 "verbs:" in process.log())
        time.sleep(5)
        lines = [line for line in process.log().splitlines() if " warn " in line and
                 "endpointslices" in line]
        self.assertEqual(len(lines), 1, lines)
        allow(plane.api, "newcomer", [rule("discovery.k8s.io", "endpointslices")],
              name="newcomer-second")
        process.wait_for_backends("newcomers", "seen", 1, 60)

        checked = wherry("check", "--kubeconfig", kubeconfig, "--node-name", "node-1")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_a_namespace_and_its_role_are_enough(self):
        """W3: the own Node can't be read with a Role, and is not asked for."""
        work = self.space("limited")
        other = self.space("others")
        allow(plane.api, "limited", [rule("", "services"),
                                     rule("discovery.k8s.io", "endpointslices")], "limited")
        work.add_service("mine", {"app": "mine"})
        other.add_service("theirs", {"app": "mine"})
        work.add_pod("mine", {"app": "mine"})
        process = self.start("--namespace", "limited", token="token-of-limited")
        process.wait_for_backends("limited", "mine", 1)
        self.assertEqual({row["namespace"] for row in process.table()}, {"limited"})
        self.assertNotIn(" warn ", process.log())

    def test_polling_needs_no_watch(self):
        allow(plane.api, "poller", [rule("", "services", "nodes", verbs=["list"]),
                                    rule("discovery.k8s.io", "endpointslices", verbs=["list"]),
                                    EVENTS])
        work = self.space("polled")
        process = self.start("--poll-interval", "1s", token="token-of-poller")
        work.add_service("seldom", {"app": "seldom"})
        work.add_pod("a", {"app": "seldom"})
        process.wait_for_backends("polled", "seldom", 1, 10)
        self.assertNotEqual(answer(*process.address_of("polled", "seldom")), "")
        work.add_pod("b", {"app": "seldom"})
        process.wait_for_backends("polled", "seldom", 2, 10)
        work.delete_pod("a")
        process.wait_for_backends("polled", "seldom", 1, 10)
        self.assertEqual({verb for verb, _, _ in plane.audit("poller")}, {"list"})
        self.assertNotIn(" warn ", process.log())

    # A25
    def test_a_token_is_read_again_as_it_rotates(self):
        work = self.space("rotation")
        user = "system:serviceaccount:rotation:follower"
        plane.api.create("/api/v1/namespaces/rotation/serviceaccounts",
                         {"metadata": {"name": "follower"}})
        allow(plane.api, user, [rule("", "services", "nodes"),
                                rule("discovery.k8s.io", "endpointslices")], name="follower")

        def new_token(name):
            """Good only as long as the Secret is there that it is bound to."""
            secret = plane.api.create("/api/v1/namespaces/rotation/secrets",
                                      {"metadata": {"name": name}})
            return plane.api.create(
                "/api/v1/namespaces/rotation/serviceaccounts/follower/token",
                {"spec": {"expirationSeconds": 600,
                          "boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": name,
                                             "uid": secret["metadata"]["uid"]}}})["status"]["token"]

        folder = tempfile.TemporaryDirectory(prefix="wherry-token-")
        self.addCleanup(folder.cleanup)
        file = os.path.join(folder.name, "token")

        def write(token):
            with open(file + ".new", "w", encoding="utf-8") as out:
                out.write(token)
            os.rename(file + ".new", file)

        tokens = [new_token("first"), new_token("second")]
        write(tokens[0])
        kubeconfig = plane.write_kubeconfig("kubeconfig-rotation", f"tokenFile: {file}")
        process = Wherry("--kubeconfig", kubeconfig, "--poll-interval", "1s")
        self.addCleanup(process.kill)
        credentials = lambda: list(dict.fromkeys(seen[2] for seen in plane.audit(user)))
        self.assertEqual(len(credentials()), 1)
        write(tokens[1])
        plane.api.delete("/api/v1/namespaces/rotation/secrets/first")
        wait_for("requests come with the second token", lambda: len(credentials()) == 2, 60)
        work.add_service("after", {"app": "after"})
        work.add_pod("after", {"app": "after"})
        process.wait_for_backends("rotation", "after", 1, 20)
        self.assertNotIn("the API server can't be followed", process.log())
        for token in tokens:
            self.assertNotIn(token, process.log())

    def test_pods_and_slices_give_equal_tables_through_200_random_changes(self):
        """T1 to T5, as the EndpointSlice controller has them."""
        seed = int(os.environ.get("WHERRY_SEED", "0")) or random.randrange(1, 1 << 30)
        print(f"seed {seed}")
        dice = random.Random(seed)
        work = self.space("equal")
        from_slices = self.start("--namespace", "equal", token="token-of-wherry")
        from_pods = self.start("--namespace", "equal", "--endpoints", "pods")
        pods, services = {}, {}
        numbers = itertools.count()

        def labels():
            return {"app": dice.choice("abc"), "tier": dice.choice("xy")}

        def change():
            kind = dice.choice(["pod", "pod", "ready", "ready", "labels", "gone", "terminating",
                                "service", "selector", "publish", "service gone"])
            if kind == "pod" or not pods:
                name = f"pod-{len(pods)}-{dice.randrange(1 << 30)}"
                ports = {"web": dice.choice([8080, 8081])}
                if dice.random() < 0.3:
                    ports = {"admin": 9090}
                pods[name] = False
                made = next(numbers)  # no two pods of a cluster share an address
                work.add_pod(name, labels(), f"10.244.{100 + made // 250}.{made % 250 + 1}",
                             ready=dice.random() < 0.7, listen=False, ports=ports)
            elif kind == "service" or not services:
                name = f"service-{len(services)}-{dice.randrange(1 << 30)}"
                target = dice.choice(["web", 9376, "admin"])
                ports = [{"name": "main", "port": 80, "targetPort": target}]
                if dice.random() < 0.4:
                    ports.append({"name": "more", "port": 81, "targetPort": 7000})
                selector = {"app": dice.choice("abc")} if dice.random() < 0.7 else labels()
                services[name] = selector
                work.add_service(name, selector, ports,
                                 publishNotReadyAddresses=dice.random() < 0.2)
            elif kind == "ready":
                work.set_pod_status(dice.choice(list(pods)), dice.random() < 0.5)
            elif kind == "labels":
                plane.api.patch(work.path("pods", dice.choice(list(pods))),
                                {"metadata": {"labels": labels()}})
            elif kind == "gone":
                name = dice.choice(list(pods))
                del pods[name]
                work.delete_pod(name)
            elif kind == "terminating":
                work.delete_pod(dice.choice(list(pods)), grace=600)
            elif kind == "selector":
                plane.api.patch(work.path("services", dice.choice(list(services))),
                                {"spec": {"selector": {"app": dice.choice("abc"), "tier": None}}})
            elif kind == "publish":
                plane.api.patch(work.path("services", dice.choice(list(services))),
                                {"spec": {"publishNotReadyAddresses": dice.random() < 0.5}})
            else:
                name = dice.choice(list(services))
                del services[name]
                plane.api.delete(work.path("services", name))

        def seen(process):
            rows = process.endpoints()
            for row in rows:
                row.pop("sessions")
            rows.sort(key=lambda row: (row["service"], row["port"], row["address"],
                                       row["targetPort"]))
            verdicts = {(row["service"], row["port"]): (row["internal"]["verdict"],
                                                        sorted(row["internal"]["backends"]))
                        for row in process.table()}
            return rows, verdicts

        most = 0  # at the end the dice may have left none
        for step in range(200):
            change()
            if step % 10 == 9:
                try:
                    wait_for(f"equal tables after change {step}",
                             lambda: seen(from_slices) == seen(from_pods), 20)
                except AssertionError:
                    self.assertEqual(seen(from_slices), seen(from_pods), f"seed {seed}")
                most = max(most, len(seen(from_pods)[0]))
        self.assertGreater(most, 0)

    def test_traffic_distribution_is_ignored_with_pods_and_said_once(self):
        work = self.space("distribution")
        for name in ("one", "two"):
            work.add_service(name, {"app": "near"}, trafficDistribution="PreferClose")
        work.add_pod("near", {"app": "near"})
        process = self.start("--endpoints", "pods", "--namespace", "distribution")
        process.wait_for_backends("distribution", "two", 1)
        self.assertEqual(process.log().count("trafficDistribution is ignored"), 1, process.log())

    def test_what_no_node_proxy_serves_is_not_served(self):
        """W1, W2."""
        work = self.space("not-ours")
        work.add_service("headless", {"app": "x"}, clusterIP="None")
        plane.api.create(work.path("services"),
                         {"metadata": {"name": "foreign", "labels": {
                             "service.kubernetes.io/service-proxy-name": "another"}},
                          "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}})
        work.add_service("ours", {"app": "x"})
        work.add_pod("x", {"app": "x"})
        process = self.start("--namespace", "not-ours")
        process.wait_for_backends("not-ours", "ours", 1)
        self.assertEqual([row["service"] for row in process.table()], ["ours"])

    # A26, A29
    def test_check_says_what_is_wrong_with_the_way_there(self):
        def check(text, **environment):
            file = plane.path("kubeconfig-wrong")
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
            return wherry("check", "--kubeconfig", file, environment=environment)
        with open(plane.write_kubeconfig("good", f"token: {ADMIN}"), encoding="utf-8") as file:
            good = file.read()
        result = check(good.replace("    certificate-authority: ca.crt\n", ""))
        self.assertEqual(result.returncode, 69, result.stderr)
        self.assertIn("certificate-authority", result.stderr)
        result = check(good.replace("172.31.9.1:6443", "172.31.9.1:6444"))
        self.assertEqual(result.returncode, 69, result.stderr)
        self.assertIn("refused", result.stderr)
        result = check(good.replace(ADMIN, "nobodys"))
        self.assertEqual(result.returncode, 77, result.stderr)
        self.assertNotIn("nobodys", result.stderr + result.stdout)
        result = check(good.replace("    server:", "    tls-server-name: elsewhere\n    server:"))
        self.assertEqual(result.returncode, 69, result.stderr)
        self.assertIn("elsewhere", result.stderr)
        result = check(good.replace("current-context: only", "current-context: another"))
        self.assertEqual(result.returncode, 64, result.stderr)
        self.assertIn("another", result.stderr)
        result = check(good)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
