"""Two nodes, pods on each, a router, a client outside, a neighbour, and who has which address.

             outside (two addresses: what comes from the one goes by node a, from the other by node b)
                |
             router ------ control (an API server, where a suite wants one)
                |  the nodes' link, a bridge
       +--------+--------+-----------+
     node-a           node-b     neighbour
      | | |            | | |
     pods: a1, ac     b1, bc

a1 and b1 are backends, ac and bc are clients. Pods are reached the way that Calico does it: a veth
pair of which the node's end has no address, and a route to each pod. So "the node's address" is one.
"""
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field

from hosts import Host

PEER = os.environ["WHERRY_NODE_PEER"]

SERVICE_CIDRS = ("10.96.0.0/16", "fd00:96::/112")
CLUSTER_CIDRS = ("10.244.0.0/16", "fd00:244::/48")
EXTERNAL = ("198.51.100", "fd00:51:")  # externalIPs
BALANCER = ("192.0.2", "fd00:2:")  # load balancer VIPs
ROUTER = ("198.18.0.1", "fd00:18::1")
NEIGHBOUR = ("198.18.0.13", "fd00:18::13")
OUTSIDE_ROUTER = ("203.0.113.1", "fd00:113::1")
CONTROL_ROUTER = "172.31.9.254"
BACKEND_PORT = 8080
DEFAULT = ("0.0.0.0/0", "::/0")


@dataclass
class Pod:
    name: str
    node: str
    addresses: tuple  # IPv4, IPv6
    host: Host = None
    is_host_network: bool = False


@dataclass
class Node:
    name: str
    number: int
    host: Host = None
    pods: dict = field(default_factory=dict)

    @property
    def addresses(self):
        return (f"198.18.0.1{self.number}", f"fd00:18::1{self.number}")

    @property
    def pod_cidrs(self):
        return (f"10.244.{self.number}.0/24", f"fd00:244:0:{self.number}::/64")

    @property
    def outside_source(self):
        """The address of the client outside that is led by this node."""
        return (f"203.0.113.{self.number}0", f"fd00:113::{self.number}0")

    def pod_addresses(self, number):
        return (f"10.244.{self.number}.{number}", f"fd00:244:0:{self.number}::{number}")

    def mac(self, number):
        return f"02:00:00:00:{self.number:02x}:{number:02x}"


class Rig:
    """All hosts, up and routed. Nothing of it is on the machine; close() is for good order."""

    def __init__(self, control=False, extra_pods=0):
        self.folder = tempfile.TemporaryDirectory(prefix="wherry-node-")
        self.hosts = []
        self.router = self.host("router", forwards=True)
        self.neighbour = self.host("neighbour")
        self.outside = self.host("outside")
        self.nodes = {}
        for number, name in ((1, "node-a"), (2, "node-b")):
            self.nodes[name] = Node(name, number, self.host(name, forwards=True))
        self.a, self.b = self.nodes["node-a"], self.nodes["node-b"]
        for node in (self.a, self.b):
            letter = node.name[-1]
            names = [letter + "1", letter + "c", *(f"{letter}{i + 2}" for i in range(extra_pods))]
            for i, name in enumerate(names):
                node.pods[name] = Pod(name, node.name, node.pod_addresses(11 + i), self.host(name))
        self.pods = {**self.a.pods, **self.b.pods}
        self.control = self.host("control") if control else None
        self.wire()

    def host(self, name, forwards=False):
        host = Host(name, forwards)
        self.hosts.append(host)
        return host

    def wire(self):
        plugs = {"to-a": self.a.host, "to-b": self.b.host, "to-neighbour": self.neighbour}
        lines = ["link set lo up", "link add br0 type bridge forward_delay 0 mcast_snooping 0",
                 "link set br0 up",
                 f"link add to-outside type veth peer name eth0 netns {self.outside.path}"]
        for plug, host in plugs.items():
            lines += [f"link add {plug} type veth peer name eth0 netns {host.path}",
                      f"link set {plug} master br0 up"]
        lines += both("addr add {}/{} dev br0", ROUTER, (24, 64))
        lines += both("addr add {}/{} dev to-outside", OUTSIDE_ROUTER, (24, 64))
        lines += ["link set to-outside up"]
        if self.control:
            lines += [f"link add to-control type veth peer name eth0 netns {self.control.path}",
                      f"addr add {CONTROL_ROUTER}/24 dev to-control", "link set to-control up"]
        for node in self.nodes.values():
            table = 100 + node.number
            lines += both("{}rule add from {} lookup " + str(table), ("", "-6 "), node.outside_source)
            for family, gateway in enumerate(node.addresses):
                for block in (SERVICE_CIDRS[family], prefix(EXTERNAL, family),
                              prefix(BALANCER, family)):
                    lines.append(f"route add {block} via {gateway} table {table}")
            lines += both("route add {} via {}", node.pod_cidrs, node.addresses)
        self.router.ip(*lines)

        self.neighbour.ip("link set lo up", "link set eth0 up",
                          *both("addr add {}/{} dev eth0", NEIGHBOUR, (24, 64)),
                          *both("route add {} via {}", DEFAULT, ROUTER))
        lines = ["link set lo up", "link set eth0 up"]
        for node in self.nodes.values():
            lines += both("addr add {}/{} dev eth0", node.outside_source, (24, 64))
        self.outside.ip(*lines, *both("route add {} via {}", DEFAULT, OUTSIDE_ROUTER))
        if self.control:
            self.control.ip("link set lo up", "addr add 172.31.9.1/24 dev eth0", "link set eth0 up",
                            f"route add default via {CONTROL_ROUTER}")

        for node in self.nodes.values():
            other = self.b if node is self.a else self.a
            lines = ["link set lo up", "link set eth0 up",
                     *both("addr add {}/{} dev eth0", node.addresses, (24, 64)),
                     *both("route add {} via {}", DEFAULT, ROUTER),
                     *both("route add {} via {}", other.pod_cidrs, other.addresses)]
            for i, pod in enumerate(node.pods.values()):
                link = "pod-" + pod.name
                lines += [f"link add {link} address {node.mac(i)} type veth peer name eth0 "
                          f"netns {pod.host.path}", f"link set {link} up",
                          *both("route add {} dev " + link, pod.addresses)]
            node.host.ip(*lines)
            for i, pod in enumerate(node.pods.values()):
                gateways = ("169.254.1.1", "fe80::1")
                pod.host.ip(
                    "link set lo up", "link set eth0 up",
                    *both("addr add {}/{} dev eth0", pod.addresses, (32, 128)),
                    *both("neigh add {} lladdr " + node.mac(i) + " dev eth0 nud permanent", gateways),
                    "route add 169.254.1.1 dev eth0 scope link",
                    *both("route add {} via {} dev eth0", DEFAULT, gateways))

    # --- backends

    def serve(self, pod, port=BACKEND_PORT):
        """A backend that tells its name and whom it sees, over TCP and UDP, on both addresses."""
        at = [f"{pod.addresses[0]}:{port}", f"[{pod.addresses[1]}]:{port}"]
        return self.serve_at(pod.host, pod.name, at)

    def serve_at(self, host, name, at):
        process = host.start(PEER, "serve", name, *at, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n", f"{name} does not serve on {at}"
        return process

    def host_pod(self, node, name):
        """A pod of the host network: it has the node's addresses."""
        return Pod(name, node.name, node.addresses, node.host, is_host_network=True)

    # --- manifests

    def manifests(self, name, objects):
        """A folder of manifests with these objects in it, written at once."""
        folder = os.path.join(self.folder.name, name)
        os.makedirs(folder, exist_ok=True)
        self.write(folder, objects)
        return folder

    def write(self, folder, objects, file="objects.json"):
        """Takes the place of what the file said, in one step."""
        part = os.path.join(self.folder.name, "part")
        with open(part, "w", encoding="utf-8") as out:
            json.dump({"apiVersion": "v1", "kind": "List", "items": objects}, out)
        os.replace(part, os.path.join(folder, file))

    def close(self):
        for host in self.hosts:
            host.close()
        self.folder.cleanup()


def rig_that_serves(names, clean_up, **options):
    """A Rig with a backend in each of these pods, which `clean_up`, such as addModuleCleanup, closes."""
    rig = Rig(**options)
    clean_up(rig.close)
    for name in names:
        rig.serve(rig.pods[name])
    return rig


def both(line, *values):
    """The line for IPv4 and for IPv6, with that part of each value in it."""
    return [line.format(*(value[family] for value in values)) for family in (0, 1)]


def prefix(of, family):
    return of[0] + ".0/24" if family == 0 else of[1] + ":/64"
