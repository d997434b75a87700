"""The chart and the kustomizations, given to a real API server, and wherry with their rights."""
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../cluster"))

from control_plane import ADMIN, ControlPlane, wait_for  # noqa: E402
from network import NODE, SERVER, Network, run  # noqa: E402
from rendering import (CHART, NAMESPACE, VARIANTS, container_of, helm, helm_text,  # noqa: E402
                       kustomize_text, objects_of, only, values_of)
from wherry_process import Wherry, wherry  # noqa: E402

KUBE_PROXY = "token-of-kube-proxy"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles/"
DAEMON_SETS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"


def setUpModule():
    global network, plane
    network = Network()
    plane = ControlPlane(network, [(KUBE_PROXY, "system:kube-proxy")])
    plane.api.patch("/api/v1/nodes/node-1", {"metadata": {"labels": {"kubernetes.io/os": "linux"}}})


def tearDownModule():
    plane.close()
    network.close()


def install(release, *arguments):
    kubeconfig = plane.write_kubeconfig("helm", f"token: {ADMIN}")
    finished = helm("upgrade", "--install", release, CHART, "--namespace", NAMESPACE,
                    "--kubeconfig", kubeconfig, *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def token_of(account):
    return plane.api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token",
                            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                             "spec": {}})["status"]["token"]


def uninstall(release):
    kubeconfig = plane.write_kubeconfig("helm", f"token: {ADMIN}")
    finished = helm("uninstall", release, "--ignore-not-found", "--namespace", NAMESPACE,
                    "--kubeconfig", kubeconfig)
    assert finished.returncode == 0, finished.stderr


def grants(role):
    """(group, resource, verb) of all that the role allows."""
    return {(group, resource, verb) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def pods_of(release):
    return plane.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector="
                         f"app.kubernetes.io/instance={release}")["items"]


class Manifests(unittest.TestCase):
    def test_the_server_takes_every_object_as_it_is(self):
        for variant, folder in VARIANTS.items():
            for tool, text in (("helm", helm_text("--values", values_of(variant))),
                               ("kustomize", kustomize_text(folder))):
                with self.subTest(f"{tool} {variant}"):
                    said = plane.kubectl("apply", "--server-side", "--dry-run=server",
                                         "--validate=strict", "-f", "-", text=text)
                    self.assertEqual(len(said.splitlines()), len(objects_of(text)), said)
                    self.assertTrue(all("serverside-applied (server dry run)" in line
                                        for line in said.splitlines()), said)

    def test_a_release_brings_a_pod_to_a_node_that_nothing_else_may_run_on(self):
        plane.api.patch("/api/v1/nodes/node-1", {"spec": {"taints": [
            {"key": "closed", "effect": "NoExecute"}, {"key": "closed", "effect": "NoSchedule"}]}})
        self.addCleanup(plane.api.patch, "/api/v1/nodes/node-1", {"spec": {"taints": None}})
        notes = install("wherry", "--values", values_of("replace-kube-proxy"))
        self.assertIn("rollout status daemonset/wherry", notes)
        pod, = wait_for("a pod", lambda: pods_of("wherry"))
        self.assertEqual(pod["spec"]["priority"], 2000001000)
        environment = {each["name"]: each.get("value") for each in
                       pod["spec"]["containers"][0]["env"]}
        self.assertEqual((environment["KUBERNETES_SERVICE_HOST"],
                          environment["KUBERNETES_SERVICE_PORT"]), (SERVER, "6443"))

        # A changed value is a changed pod, and the old configuration goes with the old release.
        install("wherry", "--values", values_of("replace-kube-proxy"), "--set", "config.workers=2")
        wait_for("a new generation of pods", lambda: plane.api.get(f"{DAEMON_SETS}/wherry")
                 ["status"].get("observedGeneration") == 2)
        uninstall("wherry")
        wait_for("nothing is left", lambda: not pods_of("wherry") and not
                 plane.kubectl("-n", NAMESPACE, "get", "daemonset,configmap,serviceaccount", "-l",
                               "app.kubernetes.io/name=wherry", "-o", "name").split())
        left = plane.kubectl("get", "clusterrole,clusterrolebinding", "-l",
                             "app.kubernetes.io/name=wherry", "-o", "name")
        self.assertEqual(left, "")

    def test_what_kustomize_makes_can_be_applied_and_deleted(self):
        text = kustomize_text(VARIANTS["beside-kube-proxy"])
        plane.kubectl("apply", "--server-side", "-f", "-", text=text)
        wait_for("a pod", lambda: pods_of("wherry"))
        plane.kubectl("delete", "-f", "-", "--wait=false", text=text)
        wait_for("the pod goes", lambda: not pods_of("wherry"))


class Rights(unittest.TestCase):
    def test_W7_the_role_is_kube_proxys_own(self):
        proxier = grants(plane.api.get(ROLES + "system:node-proxier"))
        for variant, folder in VARIANTS.items():
            for tool, text in (("helm", helm_text("--values", values_of(variant))),
                               ("kustomize", kustomize_text(folder))):
                role = grants(only(objects_of(text), "ClusterRole"))
                self.assertEqual(role, proxier, f"{tool} {variant}")
        with_pods = grants(only(objects_of(helm_text(
            "--set", "apiServer.host=a,endpoints=pods")), "ClusterRole"))
        self.assertEqual(with_pods - proxier, {("", "pods", "list"), ("", "pods", "watch")})

    def start(self, objects, token, folder):
        """wherry with the release's configuration, as whoever the token says."""
        container = container_of(only(objects, "DaemonSet"))
        file = os.path.join(folder, "wherry.yaml")
        with open(file, "w", encoding="utf-8") as into:
            into.write(only(objects, "ConfigMap")["data"]["wherry.yaml"])
        kubeconfig = plane.write_kubeconfig("kubeconfig-of-release", f"token: {token}")
        # What steers the node is not what is tested here: with a kubeconfig alone nothing is.
        arguments = ["--config", file, "--kubeconfig", kubeconfig] + [
            each for each in container["args"] if each.startswith("--endpoints=")]
        checked = wherry("check", "--node-name", "node-1", *arguments)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        process = Wherry(*arguments)
        self.addCleanup(process.kill)
        return process

    def assert_nothing_was_forbidden(self, process):
        wait_for("an Event is written",
                 lambda: process.metric("wherry_events_written_total") >= 1)
        self.assertNotIn("forbidden", process.log())
        self.assertNotIn(" warn ", process.log())
        metrics = process.get("/metrics")
        self.assertNotIn('code="403"', metrics)
        self.assertNotIn('code="401"', metrics)

    def test_wherry_runs_with_the_releases_account_and_misses_nothing(self):
        for extra in (), ("--set", "endpoints=pods"):
            with self.subTest(extra), tempfile.TemporaryDirectory() as folder:
                install("rights", "--values", values_of("replace-kube-proxy"), *extra)
                self.addCleanup(uninstall, "rights")
                objects = objects_of(helm_text("--values", values_of("replace-kube-proxy"), *extra,
                                               release="rights"))
                process = self.start(objects, token_of("rights-wherry"), folder)
                self.assertEqual(process.backends("default", "kubernetes"), [f"{SERVER}:6443"])
                self.assert_nothing_was_forbidden(process)
                self.assertEqual(process.stop(), 0)
                self.doCleanups()

    def test_wherry_runs_with_kube_proxys_own_user_and_role(self):
        """What an existing DaemonSet of kube-proxy has: its user is bound by the server itself."""
        with tempfile.TemporaryDirectory() as folder:
            objects = objects_of(helm_text("--values", values_of("replace-kube-proxy")))
            process = self.start(objects, KUBE_PROXY, folder)
            self.assert_nothing_was_forbidden(process)
            self.assertEqual(process.stop(), 0)

    def test_the_account_may_read_no_secrets_and_no_pods(self):
        install("narrow", "--values", values_of("replace-kube-proxy"))
        self.addCleanup(uninstall, "narrow")
        account = f"system:serviceaccount:{NAMESPACE}:narrow-wherry"
        for verb, group, resource in (("list", "", "secrets"), ("list", "", "pods"),
                                      ("get", "", "configmaps"), ("update", "", "nodes"),
                                      ("patch", "", "services"), ("create", "", "pods")):
            answer = plane.api.create(
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                 "spec": {"user": account, "resourceAttributes":
                          {"verb": verb, "group": group, "resource": resource,
                           "namespace": NAMESPACE}}})
            self.assertFalse(answer["status"]["allowed"], json.dumps(answer["spec"]))


class Pod(unittest.TestCase):
    """The container of a pod that the cluster made, started as a kubelet would, in this network."""

    def start(self, pod, folder):
        container = pod["spec"]["containers"][0]
        root = os.path.join(folder, "root")
        account = os.path.join(root, "run/secrets/kubernetes.io/serviceaccount")
        for path in ("usr", "opt", "proc", "sys", "dev", "var"):
            os.makedirs(os.path.join(root, path))
        os.makedirs(account)
        for link, target in (("lib", "usr/lib"), ("lib64", "usr/lib64"), ("var/run", "../run")):
            os.symlink(target, os.path.join(root, link))
        mounts = ["/usr=/usr", os.path.dirname(os.environ["WHERRY_BINARY"]) + "=/opt"]
        self.fill(account, {"token": token_of(pod["spec"]["serviceAccountName"])})
        shutil.copy(plane.authority.file, os.path.join(account, "ca.crt"))
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        for each in container["volumeMounts"]:
            volume = volumes[each["name"]]
            if each["mountPath"].startswith("/var/run/") or each["name"] == "bpf":
                continue  # the account is there, and the bpffs is a new one
            os.makedirs(root + each["mountPath"])
            source = os.path.join(folder, each["name"])
            os.makedirs(source)
            if "configMap" in volume:
                self.fill(source, plane.api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/"
                                                + volume["configMap"]["name"])["data"])
            mounts.append(f"{source}={each['mountPath']}")
        environment = {each["name"]: each.get("value", "node-1")
                       for each in container["env"]}
        arguments = [each.replace("$(NODE_NAME)", environment["NODE_NAME"])
                     for each in container["args"]]
        command = ["unshare", "--mount", sys.executable, "-B",
                   os.path.join(os.path.dirname(__file__), "as_pod.py"), root,
                   ",".join(container["securityContext"]["capabilities"]["add"]), *mounts, "--",
                   "/opt/wherry", *arguments]
        self.log = tempfile.NamedTemporaryFile(prefix="wherry-log-")
        process = subprocess.Popen(command, stderr=self.log,
                                   env={"PATH": os.environ["PATH"], **environment})
        self.addCleanup(self.log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @staticmethod
    def fill(folder, texts):
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def said(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    @staticmethod
    def asks(probe):
        """As the kubelet does: of its own address where the probe names no host."""
        ask = probe["httpGet"]
        connection = http.client.HTTPConnection(ask.get("host", NODE), ask["port"], timeout=5)
        connection.request("GET", ask["path"])
        return connection.getresponse().status

    @staticmethod
    def shown():
        """What is set up on the node, as people would look for it."""
        return [run("ip", *arguments) for arguments in
                (("-4", "route", "show", "table", "all"), ("-6", "route", "show", "table", "all"),
                 ("rule",), ("-6", "rule"))] + [run("tc", "qdisc", "show")]

    def test_it_serves_the_cluster_with_the_releases_own_arguments(self):
        plane.api.patch("/api/v1/nodes/node-1/status", {"status": {"addresses": [
            {"type": "InternalIP", "address": NODE}]}})
        install("whole", "--values", values_of("replace-kube-proxy"))
        self.addCleanup(uninstall, "whole")
        pod, = wait_for("a pod", lambda: pods_of("whole"))
        container = pod["spec"]["containers"][0]
        before = self.shown()
        with tempfile.TemporaryDirectory() as folder:
            process = self.start(pod, folder)
            try:
                wait_for("it is ready", lambda: self.asks(container["readinessProbe"]) == 200)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.said()}") from None
            self.assertEqual(self.asks(container["livenessProbe"]), 200)
            self.assertIn("steering", self.said())
            self.assertNotIn("forbidden", self.said())
            # By the Service that it serves itself, the API server is reached by all others.
            address = plane.api.get("/api/v1/namespaces/default/services/kubernetes")["spec"]
            context = ssl.create_default_context(cafile=plane.authority.file)
            context.check_hostname = False  # the certificate is for the server's own address
            through = http.client.HTTPSConnection(address["clusterIP"], 443, context=context,
                                                  timeout=10)
            through.request("GET", "/livez")
            self.assertIn(through.getresponse().status, (200, 401, 403))
            through.close()
            process.terminate()
            self.assertEqual(process.wait(timeout=20), 0, self.said())
        self.assertEqual(self.shown(), before)


if __name__ == "__main__":
    unittest.main()
