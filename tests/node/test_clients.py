"""Who a backend sees, where that is not plain: hairpin, host network, two ways to one backend."""
import contextlib
import socket
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, Probe, ask_all
from rig import BACKEND_PORT, rig_that_serves
from wherry_node import both_nodes

HOST_PORT = 8181  # of the backends on the host network


def setUpModule():
    global rig, own, one, two, on_hosts, sticky, wherries
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    hosts = [rig.host_pod(rig.a, "host-a"), rig.host_pod(rig.b, "host-b")]
    for pod in hosts:
        rig.serve(pod, HOST_PORT)
    own = Service("own", 1, [rig.pods["a1"]])
    one = Service("one", 2, [rig.pods["b1"]])
    two = Service("two", 3, [rig.pods["b1"]])
    on_hosts = Service("on-hosts", 4, hosts, backend_port=HOST_PORT, external="Local")
    sticky = Service("sticky", 5, [rig.pods["a1"], rig.pods["b1"]],
                     spec={"sessionAffinity": "ClientIP"})
    wherries = both_nodes(rig, rig.manifests("manifests", all_objects(
        rig, [own, one, two, on_hosts, sticky])))
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)


class Clients(unittest.TestCase):
    def answers(self, wanted, turns=1):
        """`wanted` are (probe, {name: address that it must see})."""
        probes = [probe for probe, _ in wanted] * turns
        for probe, outcome, (_, may) in zip(probes, ask_all(probes, patience=1), wanted * turns):
            with self.subTest(probe=str(probe)):
                self.assertEqual((outcome.kind, outcome.seen),
                                 (ANSWERED, may.get(outcome.backend, f"not by {outcome.backend}")))

    def test_F6_a_pod_reaches_itself_by_its_own_Service_and_sees_the_node(self):
        host = rig.pods["a1"].host
        self.answers([(Probe(host, address, port, protocol), {"a1": rig.a.addresses[family]})
                      for family in (0, 1) for protocol in ("TCP", "UDP")
                      for address, port in ((own.cluster_ips[family], PORT),
                                            (own.balancer_ips[family], PORT),
                                            (rig.a.addresses[family], own.node_port))])

    def test_F8_host_network_backends_are_reached_by_all_and_see_an_address_that_comes_back(self):
        wanted = []
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                for node in rig.nodes.values():
                    pod = node.pods[node.name[-1] + "c"]
                    own_host = {"host-" + node.name[-1]: node.addresses[family]}
                    other = "host-b" if node is rig.a else "host-a"
                    wanted.append((Probe(pod.host, on_hosts.cluster_ips[family], PORT, protocol),
                                   {**own_host, other: pod.addresses[family]}))
                    wanted.append((Probe(node.host, on_hosts.cluster_ips[family], PORT, protocol),
                                   {**own_host, other: node.addresses[family]}))
                    wanted.append((Probe(rig.outside, on_hosts.balancer_ips[family], PORT, protocol,
                                         node.outside_source[family]), own_host))
        self.answers(wanted, turns=4)

    def test_F5_one_port_of_a_client_reaches_one_backend_by_two_Services_at_once(self):
        """What keeps the client's address and port would need the same four numbers twice."""
        pod = rig.pods["ac"]
        for family in (0, 1):
            kind = (socket.AF_INET, socket.AF_INET6)[family]
            with contextlib.ExitStack() as stack, pod.host.inside():
                seen, port = [], 0
                for service in (one, two):
                    client = stack.enter_context(socket.socket(kind, socket.SOCK_STREAM))
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    client.settimeout(5)
                    client.bind((pod.addresses[family], port))
                    port = client.getsockname()[1]
                    client.connect((service.cluster_ips[family], PORT))
                    seen.append(client.recv(200).decode().split()[0])
                self.assertEqual(seen, ["b1", "b1"])

    def test_L2_affinity_tells_pods_apart_by_their_own_addresses(self):
        for host in (rig.pods["ac"].host, rig.pods["bc"].host, rig.outside):
            source = rig.a.outside_source[0] if host is rig.outside else ""
            outcomes = ask_all([Probe(host, sticky.cluster_ips[0], PORT, source=source)] * 8,
                               patience=1)
            self.assertEqual({each.kind for each in outcomes}, {ANSWERED})
            self.assertEqual(len({each.backend for each in outcomes}), 1)

    def test_direct_connections_are_seen_as_they_were(self):
        wanted = []
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                for name in ("ac", "bc"):
                    pod = rig.pods[name]
                    for to in ("a1", "b1"):
                        wanted.append((Probe(pod.host, rig.pods[to].addresses[family], BACKEND_PORT,
                                             protocol), {to: pod.addresses[family]}))
        self.answers(wanted)


if __name__ == "__main__":
    unittest.main()
