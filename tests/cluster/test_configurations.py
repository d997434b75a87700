"""KubeProxyConfigurations as kubeadm, k3s and EKS leave them on a node, with the command lines of their
own DaemonSets and agents: wherry is started with them unchanged. And what it tells of its ports.

Files are where those distributions have them: wherry is started in a mount namespace in which /var/lib
and /run are empty but for them. Its ports are free, because the network namespace is the suite's own.
"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from control_plane import ControlPlane, wait_for
from network import NODE, SERVER, Network, mortal
from wherry_process import BINARY, clean_environment
from workload import Workload, answer

SAMPLES = os.path.join(os.path.dirname(__file__), "..", "config", "kube_proxy")
USER = "system:kube-proxy"  # whom Kubernetes itself has bound to its role for node proxies (W7)
TOKEN = "token-of-kube-proxy"

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
BY_SERVICE_ACCOUNT = f"""apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: {SERVICE_ACCOUNT}/ca.crt
    server: https://{SERVER}:6443
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: {SERVICE_ACCOUNT}/token
"""
AGENT = "/var/lib/rancher/k3s/agent"
BY_CERTIFICATE = f"""apiVersion: v1
clusters:
- cluster:
    server: https://{SERVER}:6443
    certificate-authority: {AGENT}/server-ca.crt
  name: local
contexts:
- context:
    cluster: local
    namespace: default
    user: user
  name: Default
current-context: Default
kind: Config
preferences: {{}}
users:
- name: user
  user:
    client-certificate: {AGENT}/client-kube-proxy.crt
    client-key: {AGENT}/client-kube-proxy.key
"""


def setUpModule():
    global network, plane, work
    network = Network()
    plane = ControlPlane(network, [(TOKEN, USER)])
    plane.api.patch("/api/v1/nodes/node-1/status",
                    {"status": {"addresses": [{"type": "InternalIP", "address": NODE},
                                              {"type": "Hostname", "address": "node-1"}]}})
    work = Workload(plane.api, network, "default")
    work.add_service("web", {"app": "web"}, ports=[{"port": 8000, "targetPort": 9376}])
    work.add_pod("pod-1", {"app": "web"})


def tearDownModule():
    work.close()
    plane.close()
    network.close()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sample(name):
    return read(os.path.join(SAMPLES, name))


def service_account():
    return {SERVICE_ACCOUNT + "/ca.crt": read(plane.authority.file),
            SERVICE_ACCOUNT + "/token": TOKEN}


class Proxy:
    """wherry in a mount namespace with these files, by path."""

    def __init__(self, files, *arguments):
        self.keep = tempfile.TemporaryDirectory(prefix="wherry-files-")
        for folder in ("/var/lib", "/run"):
            os.makedirs(self.keep.name + folder)
        for path, content in files.items():
            # /var/run is a link to /run.
            name = self.keep.name + path.replace("/var/run/", "/run/")
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "w", encoding="utf-8") as file:
                file.write(content)
        self.log_file = tempfile.NamedTemporaryFile(prefix="wherry-log-")
        script = ('for folder in /var/lib /run; do mount -t tmpfs none $folder; '
                  'cp -r "$1$folder/." $folder; done; shift; exec "$@"')
        self.process = subprocess.Popen(
            mortal("unshare", "--mount", "sh", "-ec", script, "sh", self.keep.name, BINARY,
                   *arguments),
            stderr=self.log_file, env=clean_environment())

    def log(self):
        return read(self.log_file.name)

    def exit_code(self):
        return self.process.wait(timeout=30)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.keep.cleanup()


def page(port, path):
    """(status, body)"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def row():
    table = json.loads(page(10249, "/table")[1])
    return next(each for each in table if each["service"] == "web")


def serves():
    """Where its clients find the Service: at its clusterIP, or, by listeners, where the table says."""
    found = row()
    places = [(found["clusterIP"], 8000)]
    for address in found["listen"]:
        ip, port = address.rsplit(":", 1)
        places.append((ip.strip("[]"), int(port)))
    return any(answer(*place, seconds=1) == "pod-1" for place in places)


class Configurations(unittest.TestCase):
    def check(self, files, *arguments):
        """Started so, it is ready, serves, and has the pages of kube-proxy. Its log."""
        process = Proxy(files, *arguments)
        self.addCleanup(process.close)

        def is_ready():
            self.assertIsNone(process.process.poll(), process.log())
            return page(10249, "/readyz")[0] == 200
        try:
            wait_for("ready", is_ready, 60)
            wait_for("the Service is served", serves)
            wait_for("its node is eligible", lambda: page(10256, "/healthz")[0] == 200)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{process.log()}") from None
        # `auto`: a KubeProxyConfiguration is the node's, and it may set routes.
        self.assertEqual(page(10249, "/proxyMode"), (200, "node"))
        self.assertRegex(process.log(), r"(?m)^.*steering mode=node .*reason=\"?the configuration is "
                                        r"kube-proxy's")
        status, configuration = page(10249, "/configz")
        self.assertEqual(status, 200)
        configuration = json.loads(configuration)["wherry.io"]
        self.assertEqual((configuration["kind"], configuration["nodeName"]),
                         ("Configuration", "node-1"))
        self.assertEqual(page(10249, "/healthz"), (200, "ok"))
        self.assertEqual(page(10256, "/livez")[0], 200)
        self.assertTrue(json.loads(page(10256, "/healthz")[1])["healthy"])
        self.assertEqual(process.stop(), 0, process.log())
        return process.log(), configuration

    # C1, C2, C4, W7, W8, W9, H1, H2, H4
    def test_of_kubeadm(self):
        log, configuration = self.check(
            {"/var/lib/kube-proxy/config.conf": sample("kubeadm.yaml"),
             "/var/lib/kube-proxy/kubeconfig.conf": BY_SERVICE_ACCOUNT, **service_account()},
            "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=node-1")
        self.assertEqual(configuration["clusterCidr"], "10.244.0.0/16")
        self.assertNotIn("has no effect", log)

    # C1, C2, C4, W8
    def test_of_k3s_with_the_flags_that_its_agent_adds(self):
        certificate, key = plane.authority.issue(
            "client-kube-proxy", f"/CN={USER}", "extendedKeyUsage=clientAuth\n")
        log, configuration = self.check(
            {"/var/lib/rancher/k3s/kube-proxy.yaml": sample("k3s.yaml"),
             AGENT + "/kubeproxy.kubeconfig": BY_CERTIFICATE,
             AGENT + "/server-ca.crt": read(plane.authority.file),
             AGENT + "/client-kube-proxy.crt": read(certificate),
             AGENT + "/client-kube-proxy.key": read(key)},
            "--cluster-cidr=10.42.0.0/16", "--config=/var/lib/rancher/k3s/kube-proxy.yaml",
            "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-close-wait=0s",
            "--conntrack-tcp-timeout-established=0s", "--healthz-bind-address=127.0.0.1",
            "--hostname-override=node-1", f"--kubeconfig={AGENT}/kubeproxy.kubeconfig",
            "--proxy-mode=iptables")
        self.assertEqual(configuration["ipvsScheduler"], "lc")
        self.assertEqual(configuration["clusterCidr"], "10.42.0.0/16,2001:cafe:42::/56")
        ignored = next(line for line in log.splitlines() if "--cluster-cidr" in line)
        self.assertIn("--proxy-mode", ignored)

    # C1, C2, C4
    def test_of_eks_with_a_field_that_kubernetes_has_no_more(self):
        log, configuration = self.check(
            {"/var/lib/kube-proxy-config/config": sample("eks.yaml"),
             "/var/lib/kube-proxy/kubeconfig": BY_SERVICE_ACCOUNT, **service_account()},
            "--v=2", "--config=/var/lib/kube-proxy-config/config", "--hostname-override=node-1")
        self.assertEqual(configuration["metricsBindAddress"]
                         if "metricsBindAddress" in configuration
                         else configuration["adminAddress"], "0.0.0.0:10249")
        self.assertIn("udpIdleTimeout", log)


HARD_FAIL = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddressHardFail: true
clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf}
"""


class Ports(unittest.TestCase):
    """Ports that can't be opened, and who is told."""

    def events(self, reason):
        items = plane.api.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
        return [each for each in items if each["reason"] == reason]

    def take(self, port):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        return taken

    def start(self, text=HARD_FAIL):
        process = Proxy({"/var/lib/kube-proxy/config.conf": text,
                         "/var/lib/kube-proxy/kubeconfig.conf": BY_SERVICE_ACCOUNT,
                         **service_account()},
                        "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=node-1")
        self.addCleanup(process.close)
        return process

    # H5, H6
    def test_a_busy_port_with_hard_fail_ends_it_with_an_event_on_the_node(self):
        for port, reason, words in (
                (10256, "FailedToStartProxierHealthcheck", "healthz server failed"),
                (10249, "FailedToStartMetricServer", "starting metrics server failed")):
            with self.subTest(reason):
                taken = self.take(port)
                process = self.start()
                self.assertEqual(process.exit_code(), 69, process.log())
                taken.close()
                event, = self.events(reason)
                self.assertEqual((event["regarding"]["kind"], event["regarding"]["name"],
                                  event["type"]), ("Node", "node-1", "Warning"))
                self.assertTrue(event["note"].startswith(words), event["note"])

    # H5
    def test_without_an_api_server_it_ends_all_the_same(self):
        self.take(10256)
        kubeconfig = BY_SERVICE_ACCOUNT.replace(SERVER, "127.0.0.1")
        process = Proxy({"/var/lib/kube-proxy/config.conf": HARD_FAIL,
                         "/var/lib/kube-proxy/kubeconfig.conf": kubeconfig, **service_account()},
                        "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=node-1")
        self.addCleanup(process.close)
        self.assertEqual(process.exit_code(), 69, process.log())

    # H3, H6
    def test_a_busy_health_check_node_port_is_an_event_on_its_service(self):
        work.add_service("checked", {"app": "web"}, type="LoadBalancer",
                         externalTrafficPolicy="Local", ports=[{"port": 8001, "targetPort": 9376}])
        self.addCleanup(plane.api.delete, work.path("services", "checked"))
        port = plane.api.get(work.path("services", "checked"))["spec"]["healthCheckNodePort"]
        self.take(port)
        process = self.start(HARD_FAIL.replace("true", "false"))
        found = wait_for("an Event", lambda: self.events("FailedToStartServiceHealthcheck"), 60)
        self.assertEqual((found[0]["regarding"]["kind"], found[0]["regarding"]["name"],
                          found[0]["type"]), ("Service", "checked", "Warning"))
        self.assertRegex(found[0]["note"],
                         f'^node node-1 failed to start healthcheck "default/checked" on port {port} ')
        self.assertEqual(process.stop(), 0, process.log())


if __name__ == "__main__":
    unittest.main()
