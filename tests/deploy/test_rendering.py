"""The chart and the kustomizations, without a cluster."""
import os
import re
import unittest

from rendering import (CHART, KUSTOMIZE, ROOT, VARIANTS, capabilities_of, comparable, container_of,
                       helm, helm_text, kustomize_text, objects_of, only, values_of)

REPLACE = ("--set", "apiServer.host=10.0.0.10")


def rendered(*arguments):
    return objects_of(helm_text(*arguments))


def daemon_set(*arguments):
    return only(rendered(*arguments), "DaemonSet")


def both_ways():
    """(what, objects) of each variant, made by each tool."""
    for variant, folder in VARIANTS.items():
        yield f"helm {variant}", rendered("--values", values_of(variant))
        yield f"kustomize {variant}", objects_of(kustomize_text(folder))


class Rendering(unittest.TestCase):
    maxDiff = None

    def test_helm_lint_finds_nothing(self):
        for variant in VARIANTS:
            linted = helm("lint", "--strict", CHART, "--values", values_of(variant))
            self.assertEqual(linted.returncode, 0, linted.stdout + linted.stderr)

    def test_chart_and_kustomization_make_the_same_objects(self):
        for variant, folder in VARIANTS.items():
            with self.subTest(variant):
                self.assertEqual(comparable(rendered("--values", values_of(variant))),
                                 comparable(objects_of(kustomize_text(folder))))

    def test_one_version_everywhere(self):
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(wherry VERSION (\S+)", file.read()).group(1)
        with open(os.path.join(CHART, "Chart.yaml"), encoding="utf-8") as file:
            self.assertEqual(re.findall(r"^(?:appV|v)ersion: (\S+)$", file.read(), re.M),
                             [version, version])
        for what, objects in both_ways():
            self.assertEqual(container_of(only(objects, "DaemonSet"))["image"],
                             "wherry:" + version, what)
        with open(os.path.join(ROOT, "deploy/Dockerfile"), encoding="utf-8") as file:
            self.assertIn(f"-t wherry:{version} ", file.read())

    def test_the_pod_has_the_capabilities_that_steering_needs_and_no_other(self):
        for what, objects in both_ways():
            with self.subTest(what):
                pod = only(objects, "DaemonSet")["spec"]["template"]["spec"]
                security = container_of(only(objects, "DaemonSet"))["securityContext"]
                self.assertEqual(capabilities_of(only(objects, "DaemonSet")), {
                    "drop": ["ALL"], "add": ["NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW", "BPF",
                                             "SYS_RESOURCE"]})
                self.assertIs(security["privileged"], False)
                self.assertIs(security["allowPrivilegeEscalation"], False)
                self.assertIs(security["readOnlyRootFilesystem"], True)
                self.assertIs(pod["hostNetwork"], True)
                self.assertNotIn("hostPID", pod)
                self.assertNotIn("hostIPC", pod)
                self.assertEqual(pod["priorityClassName"], "system-node-critical")
                self.assertEqual(pod["tolerations"], [{"operator": "Exists"}])

    def test_a_rollout_takes_the_old_pod_away_first(self):
        for what, objects in both_ways():
            strategy = only(objects, "DaemonSet")["spec"]["updateStrategy"]
            self.assertEqual(strategy, {"type": "RollingUpdate", "rollingUpdate": {
                "maxUnavailable": "10%", "maxSurge": 0}}, what)

    def test_only_bpf_and_its_own_folders_are_mounted_from_the_node(self):
        for what, objects in both_ways():
            volumes = only(objects, "DaemonSet")["spec"]["template"]["spec"]["volumes"]
            self.assertEqual([each["hostPath"]["path"] for each in volumes if "hostPath" in each],
                             ["/sys/fs/bpf", "/run/wherry", "/var/lib/wherry"], what)

    def test_beside_kube_proxy_no_port_of_its_is_used(self):
        text = helm_text("--values", values_of("beside-kube-proxy"))
        self.assertNotIn("10249", text)
        self.assertNotIn("10256", text)
        self.assertIn("serviceProxyName: wherry", text)

    def test_probes_follow_the_addresses(self):
        for address, host, port in (("0.0.0.0:9000", "127.0.0.1", 9000), ("[::]:9000", "::1", 9000),
                                    ("[fd00::7]:1", "fd00::7", 1), ("10.0.0.7:2", "10.0.0.7", 2)):
            with self.subTest(address):
                container = container_of(daemon_set(*REPLACE, "--set-string",
                                                    f"adminAddress={address}"))
                self.assertEqual(container["readinessProbe"]["httpGet"],
                                 {"host": host, "path": "/readyz", "port": port})
                self.assertIn("--admin-address=" + address, container["args"])
        objects = rendered(*REPLACE, "--set", "healthzPort=11256")
        container = container_of(only(objects, "DaemonSet"))
        self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/livez", "port": 11256})
        self.assertIn("0.0.0.0:11256", only(objects, "ConfigMap")["data"]["wherry.yaml"])

    def test_kube_proxys_own_configuration_says_where_metrics_are(self):
        def asked(*arguments):
            text = helm_text("--values", values_of("replace-kube-proxy-kubeadm"), *arguments)
            container = container_of(only(objects_of(text), "DaemonSet"))
            return ([each for each in container["args"] if each.startswith("--admin-address")],
                    container["readinessProbe"]["httpGet"]["port"],
                    container["livenessProbe"]["httpGet"]["port"])
        self.assertEqual(asked(), ([], 10249, 10256))
        self.assertEqual(asked("--set-string", "adminAddress=127.0.0.1:9000",
                               "--set", "healthzPort=11256"),
                         (["--admin-address=127.0.0.1:9000"], 9000, 11256))

    def test_pods_may_be_read_where_they_are_asked_for_only(self):
        def resources(*arguments):
            rules = only(rendered(*REPLACE, *arguments), "ClusterRole")["rules"]
            return {resource for rule in rules for resource in rule["resources"]}
        self.assertNotIn("pods", resources())
        self.assertIn("pods", resources("--set", "endpoints=pods"))
        self.assertIn("--endpoints=pods",
                      container_of(daemon_set(*REPLACE, "--set", "endpoints=pods"))["args"])

    def test_an_existing_role_can_be_used(self):
        objects = rendered(*REPLACE, "--set", "rbac.clusterRole=system:node-proxier")
        self.assertEqual(only(objects, "ClusterRoleBinding")["roleRef"]["name"],
                         "system:node-proxier")
        self.assertFalse([each for each in objects if each["kind"] == "ClusterRole"])

    def test_a_changed_configuration_changes_the_pods(self):
        def config_map(*arguments):
            volumes = daemon_set(*REPLACE, *arguments)["spec"]["template"]["spec"]["volumes"]
            return volumes[0]["configMap"]["name"]
        self.assertEqual(config_map(), config_map())
        self.assertNotEqual(config_map(), config_map("--set", "config.workers=2"))

    def test_two_releases_do_not_meet(self):
        first = objects_of(helm_text(*REPLACE))
        second = objects_of(helm_text(*REPLACE, release="second"))
        self.assertFalse(comparable(first).keys() & comparable(second).keys())
        self.assertNotEqual(only(first, "DaemonSet")["spec"]["selector"],
                            only(second, "DaemonSet")["spec"]["selector"])

    def test_without_its_own_address_the_api_server_is_not_guessed(self):
        refused = helm("template", "wherry", CHART)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("nothing says where the API server is", refused.stderr)
        self.assertIn("Set apiServer.host", refused.stderr)
        self.assertIn("kubeProxyConfigMap.name", refused.stderr)
        # Without an overlay the pod names a ConfigMap that must be there.
        text = kustomize_text(os.path.join(KUSTOMIZE, "replace-kube-proxy"))
        objects = objects_of(text)
        self.assertEqual([each["metadata"]["name"].rsplit("-", 1)[0] for each in objects
                          if each["kind"] == "ConfigMap"], ["wherry-config"])
        host = container_of(only(objects, "DaemonSet"))["env"][1]
        self.assertEqual(host["valueFrom"]["configMapKeyRef"],
                         {"name": "wherry-api-server", "key": "host"})


# --set arguments, and what the refusal must say.
REFUSED = [
    # the schema
    (["apiServer.host=a", "apiServer.port=70000"], "/apiServer/port"),
    (["apiServer.host=a", "apiServer.port=https"], "/apiServer/port"),
    (["apiServer.hots=a"], "hots"),
    (["apiserver.host=a"], "apiserver"),
    (["apiServer.host=a", "steering=ebpf"], "/steering"),
    (["apiServer.host=a", "endpoints=slice"], "/endpoints"),
    (["apiServer.host=a", "drainTimeout=5"], "/drainTimeout"),
    (["apiServer.host=a", "maxUnavailable=0"], "/maxUnavailable"),
    (["apiServer.host=a", "maxUnavailable=some"], "/maxUnavailable"),
    (["apiServer.host=a", "adminAddress=10249"], "/adminAddress"),
    (["apiServer.host=a", "adminAddress=127.0.0.1:0"], "/adminAddress"),
    (["apiServer.host=a", "healthzPort=-1"], "/healthzPort"),
    (["apiServer.host=a", "image.tag=a b"], "/image/tag"),
    (["apiServer.host=a", "image.digest=latest"], "/image/digest"),
    (["apiServer.host=a", "image.pullPolicy=Sometimes"], "/image/pullPolicy"),
    (["apiServer.host=a", "extraArgs={workers}"], "/extraArgs/0"),
    (["apiServer.host=a", "runPath=run"], "/runPath"),
    (["apiServer.host=a", "seccompProfile.type=None"], "/seccompProfile/type"),
    (["apiServer.host=a", "config=x"], "/config"),
    (["serviceProxyName=-x"], "/serviceProxyName"),
    (["apiServer.host=a", "serviceAccount.create=perhaps"], "/serviceAccount/create"),
    # what contradicts itself
    (["apiServer.host=https://a:6443"], "write it without https://"),
    (["apiServer.host=a:6443"], "which is apiServer.port"),
    (["apiServer.host=kubernetes.default.svc"], "is the Service that wherry serves itself"),
    (["apiServer.host=kubernetes"], "is the Service that wherry serves itself"),
    (["apiServer.host=a", "kubeProxyConfigMap.name=kube-proxy"], "exclude each other"),
    (["kubeProxyConfigMap.name=kube-proxy", "config.workers=1"], "as extraArgs"),
    (["kubeProxyConfigMap.name=kube-proxy", "serviceProxyName=x"], "has ports of its own"),
    (["apiServer.host=a", "config.endpoints=pods"], "config.endpoints: set the value endpoints"),
    (["apiServer.host=a", "config.stateDir=/x"], "config.stateDir: set the value statePath"),
    (["apiServer.host=a", "config.nodeName=x"], "can't be one thing for all nodes"),
    (["apiServer.host=a", "serviceAccount.create=false"], "serviceAccount.name"),
    (["apiServer.host=a", "endpoints=pods", "rbac.clusterRole=system:node-proxier"],
     "may not read pods"),
]

ACCEPTED = [
    ["apiServer.host=fd00::10"],
    ["apiServer.host=api.example.org", "apiServer.port=443"],
    ["apiServer.host=a", "maxUnavailable=1"],
    ["apiServer.host=a", "drainTimeout=1m30s"],
    ["serviceProxyName=x", "apiServer.host=kubernetes.default.svc"],
    ["apiServer.host=a", "seLinuxOptions.type=spc_t"],
    ["apiServer.host=a", "imagePullSecrets[0].name=x"],
    ["apiServer.host=a", "config.idleTimeout=1h", "config.serviceCidr[0]=10.96.0.0/16"],
    ["apiServer.host=a", "extraArgs={--workers=4}"],
]


def setting(values):
    return [argument for value in values for argument in ("--set", value)]


class Values(unittest.TestCase):
    def test_bad_ones_are_refused_with_their_name_and_the_remedy(self):
        for values, said in REFUSED:
            with self.subTest(values):
                refused = helm("template", "wherry", CHART, *setting(values))
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(said, refused.stderr)

    def test_good_ones_are_not(self):
        for values in ACCEPTED:
            with self.subTest(values):
                accepted = helm("template", "wherry", CHART, *setting(values))
                self.assertEqual(accepted.returncode, 0, accepted.stderr)

    def test_every_value_is_in_the_schema(self):
        import json

        import yaml
        with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
            values = yaml.safe_load(file)
        with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        self.assertEqual(set(values), set(schema["properties"]) - {"global"})
        for name, value in values.items():
            known = schema["properties"][name].get("properties")
            if isinstance(value, dict) and value and known and name != "resources":
                self.assertEqual(set(value), set(known), name)


if __name__ == "__main__":
    unittest.main()
