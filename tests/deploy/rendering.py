"""What the chart and the kustomizations come to, as objects that can be compared."""
import os
import subprocess
import tempfile

import yaml

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
CHART = os.path.join(ROOT, "deploy/helm/wherry")
KUSTOMIZE = os.path.join(ROOT, "deploy/kustomize")
OVERLAY = os.path.join(ROOT, "tests/deploy/overlay")
NAMESPACE = "kube-system"
VARIANTS = {"replace-kube-proxy": OVERLAY,
            "replace-kube-proxy-kubeadm": os.path.join(KUSTOMIZE, "replace-kube-proxy-kubeadm"),
            "beside-kube-proxy": os.path.join(KUSTOMIZE, "beside-kube-proxy")}

# What helm and kubectl write is not to land in the home of whoever runs the tests.
home = tempfile.TemporaryDirectory(prefix="wherry-home-")
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": home.name}


def values_of(variant):
    return os.path.join(CHART, "ci", variant + "-values.yaml")


def helm(*arguments):
    """The finished process; whether it may fail is the caller's business."""
    return subprocess.run([os.environ["WHERRY_HELM"], *arguments], text=True, capture_output=True,
                          env=ENVIRONMENT, check=False)


def helm_text(*arguments, release="wherry"):
    finished = helm("template", release, CHART, "--namespace", NAMESPACE, *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def kustomize_text(folder):
    kubectl = os.path.join(os.environ["WHERRY_CLUSTER_BINARIES"], "kubectl")
    return subprocess.run([kubectl, "kustomize", folder], text=True, capture_output=True,
                          env=ENVIRONMENT, check=True).stdout


def objects_of(text):
    return [each for each in yaml.safe_load_all(text) if each]


def only(objects, kind):
    found = [each for each in objects if each["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


def container_of(daemon_set):
    return daemon_set["spec"]["template"]["spec"]["containers"][0]


def capabilities_of(daemon_set):
    return container_of(daemon_set)["securityContext"]["capabilities"]


HELM_ONLY = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")


def comparable(objects):
    """The objects by kind and name, less what is each tool's own: helm's labels, the hashes in the
    names of ConfigMaps, and whether a variable has its value from a ConfigMap or by itself."""
    config_maps = {each["metadata"]["name"]: each for each in objects
                   if each["kind"] == "ConfigMap"}
    result = {}
    looked_up = set()
    for each in objects:
        for label in HELM_ONLY:
            each["metadata"].get("labels", {}).pop(label, None)
        if each["kind"] != "DaemonSet":
            continue
        for variable in container_of(each)["env"]:
            reference = variable.get("valueFrom", {}).get("configMapKeyRef")
            if reference:
                looked_up.add(reference["name"])
                value = config_maps[reference["name"]]["data"][reference["key"]]
                variable.pop("valueFrom")
                variable["value"] = value
        for volume in each["spec"]["template"]["spec"]["volumes"]:
            name = volume.get("configMap", {}).get("name")
            if name in config_maps:
                volume["configMap"]["name"] = without_hash(name)
    for each in objects:
        name = each["metadata"]["name"]
        if name in looked_up:
            continue
        if each["kind"] == "ConfigMap":
            name = each["metadata"]["name"] = without_hash(name)
            each["data"] = {key: yaml.safe_load(text) for key, text in each["data"].items()}
        result[each["kind"], name] = each
    return result


def without_hash(name):
    return name.rsplit("-", 1)[0]
