"""What must become of each combination, by the contract, and by nothing that wherry does.

The rules are written down here a second time, from service-contract.md (E6 to E9, F3, F5, F8) and
design.md's table of client addresses, so that a mistake would have to be made twice.
"""
from dataclasses import dataclass

from objects import PORT
from probes import ANSWERED, REFUSED, SILENCE, Probe

CLUSTER_IP, EXTERNAL_IP, BALANCER_IP = "clusterIP", "externalIP", "VIP"
NODE_PORT_A, NODE_PORT_B, LOOPBACK = "NodePort@a", "NodePort@b", "NodePort@lo"
DESTINATIONS = (CLUSTER_IP, EXTERNAL_IP, BALANCER_IP, NODE_PORT_A, NODE_PORT_B, LOOPBACK)
POD, NODE, OUTSIDE = "pod", "node", "outside"


@dataclass(frozen=True)
class Client:
    """Who asks."""
    name: str
    node: str  # whose pod or host it is; of the client outside: by which node it is led
    is_a: str  # POD, NODE, OUTSIDE
    host: object
    addresses: tuple

    def source(self, family):
        return self.addresses[family] if self.is_a == OUTSIDE else ""


def clients_of(rig):
    found = []
    for node in rig.nodes.values():
        letter = node.name[-1]
        pod = node.pods[letter + "c"]
        found += [Client("pod " + pod.name, node.name, POD, pod.host, pod.addresses),
                  Client("host " + letter, node.name, NODE, node.host, node.addresses),
                  Client("outside by " + letter, node.name, OUTSIDE, rig.outside,
                         node.outside_source)]
    return found


@dataclass(frozen=True)
class Expected:
    kind: str  # ANSWERED, REFUSED, SILENCE
    backends: frozenset = frozenset()  # names of those that may answer
    seen: tuple = ()  # (backend's name, address that it must see) of each

    def admits(self, outcome):
        if outcome.kind != self.kind:
            return False
        if self.kind != ANSWERED:
            return True
        return outcome.backend in self.backends and dict(self.seen)[outcome.backend] == outcome.seen

    def __str__(self):
        return " or ".join(f"{name} saw {address}" for name, address in self.seen) or self.kind


@dataclass(frozen=True)
class Combination:
    service: object
    client: Client
    destination: str
    family: int  # 0, 1
    protocol: str
    # F7: with a cluster CIDR the pods of all nodes count as pods where E8 asks for the kind.
    all_pods_count: bool = False

    def __str__(self):
        family = "IPv6" if self.family else "IPv4"
        return f"{self.service.name}: {self.client.name} -> {self.destination} {self.protocol} {family}"


def is_possible(combination):
    """Loopback is everybody's own: a pod's, or an outside client's, is no node's."""
    return combination.destination != LOOPBACK or combination.client.is_a == NODE


def target(rig, combination):
    """(address, port) that is asked."""
    service, family = combination.service, combination.family
    return {CLUSTER_IP: (service.cluster_ips[family], PORT),
            EXTERNAL_IP: (service.external_ips[family], PORT),
            BALANCER_IP: (service.balancer_ips[family], PORT),
            NODE_PORT_A: (rig.a.addresses[family], service.node_port),
            NODE_PORT_B: (rig.b.addresses[family], service.node_port),
            LOOPBACK: (("127.0.0.1", "::1")[family], service.node_port)}[combination.destination]


def probe(rig, combination):
    client = combination.client
    address, port = target(rig, combination)
    return Probe(client.host, address, port, combination.protocol,
                 client.source(combination.family))


def deciding_node(combination):
    """The name of the node that the question comes to."""
    return {NODE_PORT_A: "node-a", NODE_PORT_B: "node-b"}.get(combination.destination,
                                                             combination.client.node)


def kind_there(combination):
    """What the client is to that node: another node's pods and hosts are outside."""
    client = combination.client
    return client.is_a if client.node == deciding_node(combination) else OUTSIDE


def asked_from(combination):
    """The address that the deciding node sees the client at."""
    if combination.destination == LOOPBACK:
        return ("127.0.0.1", "::1")[combination.family]
    return combination.client.addresses[combination.family]


def policy_for(combination):
    """Which of the two sets of endpoints counts (E6, E7, E8)."""
    if combination.destination == CLUSTER_IP:
        return combination.service.internal
    if kind_there(combination) != OUTSIDE:
        return "Cluster"
    if combination.all_pods_count and combination.client.is_a == POD:
        return "Cluster"
    return combination.service.external


def seen_address(rig, combination, backend):
    """design.md's table: what the backend sees. A pod is one of this node here, whatever F7 says."""
    node = rig.nodes[deciding_node(combination)]
    nodes_own = node.addresses[combination.family]
    clients_own = combination.client.addresses[combination.family]
    kind = kind_there(combination)
    is_on_node = backend.node == node.name
    if is_on_node and backend.is_host_network:
        return nodes_own
    if kind == NODE:
        return nodes_own
    if kind == POD:
        is_itself = backend.addresses[combination.family] == clients_own
        return nodes_own if is_itself else clients_own
    is_external = combination.destination != CLUSTER_IP
    if is_external and combination.service.external == "Local" and is_on_node:
        return clients_own
    return nodes_own


def expected(rig, combination):
    backends = combination.service.backends
    if not backends:
        return Expected(REFUSED)  # E9, whatever the policy
    if policy_for(combination) == "Local":
        backends = [each for each in backends if each.node == deciding_node(combination)]
        if not backends:
            return Expected(SILENCE)
    return Expected(ANSWERED, frozenset(each.name for each in backends),
                    tuple((each.name, seen_address(rig, combination, each)) for each in backends))


def combinations(rig, services, all_pods_count=False):
    """All of them, in the order of the table."""
    return [each for service in services for client in clients_of(rig)
            for destination in DESTINATIONS for protocol in ("TCP", "UDP") for family in (0, 1)
            if is_possible(each := Combination(service, client, destination, family, protocol,
                                               all_pods_count))]


# --- the table that is printed


def short(rig, combination, outcome, is_right):
    """An outcome as (backend, few words): ("a1", "client"), ("b1", "node"), ("", "refused")."""
    wrong = "" if is_right else " WRONG"
    if outcome.kind != ANSWERED:
        return "", outcome.kind + wrong
    node = rig.nodes[deciding_node(combination)].addresses[combination.family]
    names = {combination.client.addresses[combination.family]: "client", node: "node"}
    return outcome.backend, names.get(outcome.seen, outcome.seen) + wrong


def cell(rig, asked):
    """What came of (combination, outcome, is right) that differ by protocol, family and turn. Which
    of two backends answered one of them is chance, and not told apart."""
    outcomes = {}
    for combination, outcome, is_right in asked:
        way = combination.protocol + "46"[combination.family]
        outcomes.setdefault(way, set()).add(short(rig, combination, outcome, is_right))
    groups = {}
    for way, found in outcomes.items():
        groups.setdefault(frozenset(words for _, words in found), []).append(way)
    texts = []
    for kinds, ways in groups.items():
        found = set().union(*(outcomes[way] for way in ways))
        text = ", ".join(" ".join(filter(None, (
            "|".join(sorted(name for name, words in found if words == kind)), kind)))
            for kind in sorted(kinds))
        texts.append(text if len(groups) == 1 else f"{','.join(ways)}: {text}")
    return "; ".join(texts)


def print_table(rig, services, results, out=print):
    """One block for each Service; `results` are (combination, outcome, is right)."""
    asked_at = {}
    for each in results:
        asked_at.setdefault((each[0].service.name, each[0].client.name, each[0].destination),
                            []).append(each)
    for service in services:
        where = "+".join(each.name for each in service.backends) or "none"
        out(f"\n{service.name}: internalTrafficPolicy {service.internal}, "
            f"externalTrafficPolicy {service.external}, endpoints {where}")
        rows = [["", *DESTINATIONS]]
        for client in clients_of(rig):
            row = [client.name]
            for destination in DESTINATIONS:
                asked = asked_at.get((service.name, client.name, destination))
                row.append(cell(rig, asked) if asked else "-")
            rows.append(row)
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            out("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
