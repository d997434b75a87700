"""Figures: the first sync of a large cluster, and how long a change takes to be live."""
import concurrent.futures
import os
import re
import statistics
import sys
import time

from control_plane import NODE_PROXY, ControlPlane, allow
from network import Network
from wherry_process import Wherry
from workload import PodServer, Workload, answer

SERVICES = int(os.environ.get("WHERRY_SERVICES", "10000"))
ENDPOINTS = 10
CHANGES = 200
SYNCS = 3


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slice_of(service, addresses, ready=True):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": service + "-1", "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "measure"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready},
                           "nodeName": "node-1"} for address in addresses],
            "ports": [{"port": 9376, "protocol": "TCP"}]}


def load(plane, work):
    def add(number):
        name = f"service-{number}"
        work.add_service(name, {"app": name})
        addresses = [f"10.{128 + number % 100}.{number // 100 % 250}.{i + 1}"
                     for i in range(ENDPOINTS)]
        plane.api.create(work.path("endpointslices"), slice_of(name, addresses))

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in pool.map(add, range(SERVICES)):
            pass
    print(f"{SERVICES} Services with {ENDPOINTS} endpoints each written in "
          f"{time.monotonic() - began:.0f} s", flush=True)


def first_sync(plane, kubeconfig):
    server = plane.processes["server"].pid
    before = cpu_of(server)
    began = time.monotonic()
    process = Wherry("--kubeconfig", kubeconfig, ready=False)
    process.wait_ready(120)
    ready = time.monotonic() - began
    own = process.cpu_seconds()
    previous = -1.0
    while own != previous and own - previous > 0.02:  # listeners that are still being opened
        previous = own
        time.sleep(0.5)
        own = process.cpu_seconds()
    ports = process.metric("wherry_service_ports")
    print(f"first sync: {ready:.2f} s until ready, {own:.2f} s of wherry's CPU, "
          f"{process.peak_kib() / 1024:.0f} MiB at peak; the API server's CPU {cpu_of(server) - before:.2f} s; "
          f"{ports:.0f} service ports", flush=True)
    return process


def delays(process):
    """Tables by how long their first change waited: {upper bound in s: count}, cumulative."""
    return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in re.findall(
        r'^wherry_table_delay_seconds_bucket\{le="([^"]+)"\} (\S+)$', process.get("/metrics"), re.M)}


def print_delays(before, after):
    tables = {bound: after[bound] - before[bound] for bound in sorted(after)}
    total = tables[float("inf")]
    shares = ", ".join(f"{count / total:.1%} within {bound * 1000:g} ms"
                       for bound, count in tables.items() if 0.0005 <= bound <= 0.02)
    print(f"from a change that arrived to every worker using it, {total:.0f} tables: {shares}",
          flush=True)


def changes(plane, network, work, process):
    address = network.pod_address()
    server = PodServer("only", address)
    work.add_service("changing", {"app": "changing"})
    plane.api.create(work.path("endpointslices"), slice_of("changing", [address]))
    process.wait_for_backends(work.name, "changing", 1)
    target = process.address_of(work.name, "changing")

    def set_ready(ready):
        plane.api.patch(work.path("endpointslices", "changing-1"),
                        {"endpoints": slice_of("changing", [address], ready)["endpoints"]})

    before = delays(process)
    from_request, from_answer = [], []
    for _ in range(CHANGES):
        set_ready(False)
        while answer(*target, 1):
            time.sleep(0.001)
        began = time.monotonic()
        set_ready(True)
        answered = time.monotonic()
        while not answer(*target, 1):
            pass
        end = time.monotonic()
        from_request.append((end - began) * 1000)
        from_answer.append((end - answered) * 1000)
    server.close()
    print_delays(before, delays(process))
    for name, values in (("request sent", from_request), ("API server's answer", from_answer)):
        values.sort()
        print(f"from the {name} to the first connection that reaches the pod, {CHANGES} changes: "
              f"median {statistics.median(values):.1f} ms, p99 {values[CHANGES * 99 // 100]:.1f} ms, "
              f"most {values[-1]:.1f} ms", flush=True)


def main():
    network = Network()
    plane = ControlPlane(network, [("token-of-wherry", "wherry")], controllers=False)
    try:
        allow(plane.api, "wherry", NODE_PROXY)
        kubeconfig = plane.write_kubeconfig("wherry", "token: token-of-wherry")
        work = Workload(plane.api, network, "large")
        load(plane, work)
        for number in range(SYNCS):
            process = first_sync(plane, kubeconfig)
            if number + 1 < SYNCS:
                process.kill()
        changes(plane, network, work, process)
        process.kill()
    finally:
        plane.close()
        network.close()


if __name__ == "__main__":
    sys.exit(main())
