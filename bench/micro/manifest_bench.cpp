// How fast are manifests read that look like what `kubectl get -o yaml` and `-o json` print?

#include "watcher/manifest/manifest_reader.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace wherry::manifest {
namespace {

constexpr int kPods = 1000;

/// Replaces every "@" by the object's number.
std::string numbered(std::string text, int number) {
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at)) {
    text.replace(at, 1, std::to_string(number));
  }
  return text;
}

const std::string kServiceYaml = R"(apiVersion: v1
kind: Service
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"Service","metadata":{"annotations":{},"name":"web-@","namespace":"default"},"spec":{"ports":[{"port":80,"targetPort":8080}],"selector":{"app":"web-@"}}}
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels:
    app: web-@
  managedFields:
  - apiVersion: v1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:annotations:
          .: {}
          f:kubectl.kubernetes.io/last-applied-configuration: {}
        f:labels:
          .: {}
          f:app: {}
      f:spec:
        f:internalTrafficPolicy: {}
        f:ports:
          .: {}
          k:{"port":80,"protocol":"TCP"}:
            .: {}
            f:port: {}
            f:protocol: {}
            f:targetPort: {}
        f:selector: {}
        f:sessionAffinity: {}
        f:type: {}
    manager: kubectl-client-side-apply
    operation: Update
    time: "2026-01-02T03:04:05Z"
  name: web-@
  namespace: default
  resourceVersion: "12345@"
  uid: 7a1f5b1e-0000-4000-8000-00000000000@
spec:
  internalTrafficPolicy: Cluster
  ipFamilies:
  - IPv4
  ipFamilyPolicy: SingleStack
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
  selector:
    app: web-@
  sessionAffinity: None
  type: ClusterIP
status:
  loadBalancer: {}
---
)";

const std::string kPodYaml = R"(apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: "2026-01-02T03:04:05Z"
  generateName: web-7d4b9c8f6d-
  labels:
    app: web-@
    pod-template-hash: 7d4b9c8f6d
  managedFields:
  - apiVersion: v1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:generateName: {}
        f:labels:
          .: {}
          f:app: {}
          f:pod-template-hash: {}
        f:ownerReferences:
          .: {}
          k:{"uid":"3c1f5b1e-1111-4000-8000-000000000000"}: {}
      f:spec:
        f:containers:
          k:{"name":"web"}:
            .: {}
            f:image: {}
            f:imagePullPolicy: {}
            f:name: {}
            f:ports:
              .: {}
              k:{"containerPort":8080,"protocol":"TCP"}:
                .: {}
                f:containerPort: {}
                f:protocol: {}
            f:resources: {}
        f:dnsPolicy: {}
        f:restartPolicy: {}
    manager: kube-controller-manager
    operation: Update
    time: "2026-01-02T03:04:05Z"
  name: web-7d4b9c8f6d-@
  namespace: default
  ownerReferences:
  - apiVersion: apps/v1
    blockOwnerDeletion: true
    controller: true
    kind: ReplicaSet
    name: web-7d4b9c8f6d
    uid: 3c1f5b1e-1111-4000-8000-000000000000
  resourceVersion: "22345@"
  uid: 8b1f5b1e-0000-4000-8000-00000000000@
spec:
  containers:
  - image: registry.example/web:1.2.3
    imagePullPolicy: IfNotPresent
    name: web
    ports:
    - containerPort: 8080
      name: http
      protocol: TCP
    resources:
      requests:
        cpu: 100m
        memory: 128Mi
    volumeMounts:
    - mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      name: kube-api-access-abcde
      readOnly: true
  dnsPolicy: ClusterFirst
  nodeName: node-1
  restartPolicy: Always
  tolerations:
  - effect: NoExecute
    key: node.kubernetes.io/not-ready
    operator: Exists
    tolerationSeconds: 300
status:
  conditions:
  - lastProbeTime: null
    lastTransitionTime: "2026-01-02T03:04:06Z"
    status: "True"
    type: Ready
  containerStatuses:
  - image: registry.example/web:1.2.3
    name: web
    ready: true
    restartCount: 0
    started: true
  phase: Running
  podIP: 10.1.2.3
  podIPs:
  - ip: 10.1.2.3
  startTime: "2026-01-02T03:04:05Z"
---
)";

const std::string kPodJson = R"({
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "generateName": "web-7d4b9c8f6d-",
        "labels": {
            "app": "web-@",
            "pod-template-hash": "7d4b9c8f6d"
        },
        "managedFields": [
            {
                "apiVersion": "v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {
                        "f:generateName": {},
                        "f:labels": {
                            ".": {},
                            "f:app": {},
                            "f:pod-template-hash": {}
                        }
                    },
                    "f:spec": {
                        "f:containers": {
                            "k:{\"name\":\"web\"}": {
                                ".": {},
                                "f:image": {},
                                "f:name": {},
                                "f:ports": {}
                            }
                        },
                        "f:dnsPolicy": {},
                        "f:restartPolicy": {}
                    }
                },
                "manager": "kube-controller-manager",
                "operation": "Update",
                "time": "2026-01-02T03:04:05Z"
            }
        ],
        "name": "web-7d4b9c8f6d-@",
        "namespace": "default",
        "resourceVersion": "22345@",
        "uid": "8b1f5b1e-0000-4000-8000-00000000000@"
    },
    "spec": {
        "containers": [
            {
                "image": "registry.example/web:1.2.3",
                "imagePullPolicy": "IfNotPresent",
                "name": "web",
                "ports": [
                    {
                        "containerPort": 8080,
                        "name": "http",
                        "protocol": "TCP"
                    }
                ],
                "resources": {
                    "requests": {
                        "cpu": "100m",
                        "memory": "128Mi"
                    }
                }
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "nodeName": "node-1",
        "restartPolicy": "Always"
    },
    "status": {
        "conditions": [
            {
                "lastProbeTime": null,
                "lastTransitionTime": "2026-01-02T03:04:06Z",
                "status": "True",
                "type": "Ready"
            }
        ],
        "phase": "Running",
        "podIP": "10.1.2.3",
        "podIPs": [
            {
                "ip": "10.1.2.3"
            }
        ],
        "startTime": "2026-01-02T03:04:05Z"
    }
})";

std::string yaml_documents() {
  std::string text;
  for (int i = 0; i < kPods; ++i) {
    if (i % 10 == 0) text += numbered(kServiceYaml, i);
    text += numbered(kPodYaml, i);
  }
  return text;
}

/// One List, as `kubectl get pods -o json` prints it.
std::string json_list() {
  std::string text = "{\n\"apiVersion\": \"v1\",\n\"kind\": \"List\",\n\"items\": [\n";
  for (int i = 0; i < kPods; ++i) text += (i == 0 ? "" : ",\n") + numbered(kPodJson, i);
  return text + "\n]\n}\n";
}

void read(benchmark::State& state, const std::string& text, const std::string& name) {
  for (auto _ : state) {
    const ManifestText manifest = read_manifest(text, name);
    if (!manifest.faults.empty() || manifest.content.pods.size() != kPods) {
      throw std::runtime_error("the manifest is not read as it should be");
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kPods);
}

void ManifestYaml(benchmark::State& state) { read(state, yaml_documents(), "pods.yaml"); }
BENCHMARK(ManifestYaml)->Unit(benchmark::kMillisecond);

void ManifestJson(benchmark::State& state) { read(state, json_list(), "pods.json"); }
BENCHMARK(ManifestJson)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace wherry::manifest
