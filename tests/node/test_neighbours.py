"""Who else is on the node and on its link: a neighbour, a process of the host, a second wherry."""
import contextlib
import os
import subprocess
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, REFUSED, Probe, ask, ask_all
from rig import PEER, rig_that_serves
from wherry_node import Wherry, both_nodes

ON_LINK = ("198.18.0.200", "fd00:18::200")  # an external IP out of the nodes' own network
HOST_PORT = 9999


def setUpModule():
    global rig, web, linked, wherries
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    backends = [rig.pods["a1"], rig.pods["b1"]]
    web = Service("web", 1, backends)
    linked = Service("linked", 2, backends, spec={"externalIPs": list(ON_LINK)})
    # The neighbour believes that all of them are on its link, and does not wait for long.
    rig.neighbour.sysctl("ipv4/neigh/eth0/retrans_time_ms", 100)
    rig.neighbour.sysctl("ipv6/neigh/eth0/retrans_time_ms", 100)
    for family in (0, 1):
        for address in (web.cluster_ips[family], web.external_ips[family], web.balancer_ips[family]):
            rig.neighbour.ip(f"route add {address} dev eth0")
    wherries = both_nodes(rig, rig.manifests("manifests", all_objects(rig, [web, linked])))
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)


class Neighbours(unittest.TestCase):
    def resolved(self, address):
        """The link address that the neighbour was told for this address; empty for none."""
        rig.neighbour.run("ip", "neigh", "flush", "dev", "eth0")
        ask(rig.neighbour, address, PORT, patience=1)
        found = rig.neighbour.run("ip", "-json", "neigh", "show", "to", address, "dev", "eth0")
        return "lladdr" in found and found or ""

    def test_no_node_answers_for_a_VIP_by_ARP_or_neighbour_discovery(self):
        for family in (0, 1):
            for address in (web.cluster_ips[family], web.external_ips[family],
                            web.balancer_ips[family], ON_LINK[family]):
                with self.subTest(address=address):
                    self.assertEqual(self.resolved(address), "")

    def test_the_nodes_answer_for_their_own_addresses(self):
        for node in rig.nodes.values():
            for address in node.addresses:
                with self.subTest(address=address):
                    self.assertNotEqual(self.resolved(address), "")

    def test_a_neighbour_that_is_led_to_a_node_is_served(self):
        rig.neighbour.ip(f"route replace {ON_LINK[0]} via {rig.a.addresses[0]}",
                         f"route replace {ON_LINK[1]} via {rig.a.addresses[1]}")
        try:
            for address in ON_LINK:
                self.assertEqual(ask(rig.neighbour, address, PORT, patience=1).kind, ANSWERED)
        finally:
            rig.neighbour.ip(f"route del {ON_LINK[0]}", f"route del {ON_LINK[1]}")


class HostProcesses(unittest.TestCase):
    """A process of the host that listens on every address."""

    @contextlib.contextmanager
    def listening(self, port):
        command = rig.a.host.start(PEER, "serve", "host-process", f"0.0.0.0:{port}", f"[::]:{port}",
                                   stdout=subprocess.PIPE, text=True)
        self.assertEqual(command.stdout.readline(), "ready\n")
        try:
            yield
        finally:
            command.kill()
            command.wait()

    def test_is_not_reached_at_a_VIP_and_is_at_the_nodes_own_address(self):
        with self.listening(HOST_PORT):
            for host in (rig.pods["ac"].host, rig.a.host):
                for protocol in ("TCP", "UDP"):
                    for family in (0, 1):
                        for address, wanted in ((web.cluster_ips[family], REFUSED),
                                                (web.external_ips[family], REFUSED),
                                                (web.balancer_ips[family], REFUSED),
                                                (rig.a.addresses[family], ANSWERED)):
                            with self.subTest(host=host, address=address, protocol=protocol):
                                outcome = ask(host, address, HOST_PORT, protocol, patience=1)
                                self.assertEqual(outcome.kind, wanted)

    def test_F4_does_not_take_what_is_a_Services(self):
        for port in (PORT, web.node_port):
            with self.listening(port):
                wanted = [(Probe(host, address, port, protocol), address)
                          for host in (rig.pods["ac"].host, rig.a.host)
                          for protocol in ("TCP", "UDP") for family in (0, 1)
                          for address in ((web.cluster_ips[family], web.external_ips[family])
                                          if port == PORT else (rig.a.addresses[family],))]
                for (probe, _), outcome in zip(wanted, ask_all([each for each, _ in wanted],
                                                               patience=1)):
                    with self.subTest(probe=str(probe)):
                        self.assertEqual(outcome.kind, ANSWERED)
                        self.assertIn(outcome.backend, ("a1", "b1"))


class SecondOne(unittest.TestCase):
    def test_on_a_node_exits_69_and_names_the_first(self):
        first = wherries["node-a"]
        for run_folder in (first.run_folder, os.path.join(rig.folder.name, "elsewhere")):
            with self.subTest(run_folder=run_folder):
                code, _, errors = first.command(
                    "run", "--manifests", os.path.join(rig.folder.name, "manifests"), "--steering",
                    "node", "--hostname-override", "node-a", "--run-dir", run_folder,
                    "--admin-address", "127.0.0.1:0")
                self.assertEqual(code, 69, errors)
                self.assertRegex(errors, rf"\bpid {first.process.pid}\b")
                self.assertEqual(ask(rig.pods["ac"].host, web.cluster_ips[0], PORT).kind, ANSWERED)

    def test_cleanup_leaves_a_running_one_alone_whatever_its_run_folder(self):
        first = wherries["node-a"]
        code, _, errors = first.command("cleanup", "--run-dir",
                                        os.path.join(rig.folder.name, "elsewhere"))
        self.assertEqual(code, 1)
        self.assertRegex(errors, rf"\bpid {first.process.pid}\b")
        self.assertEqual(ask(rig.pods["ac"].host, web.cluster_ips[0], PORT).kind, ANSWERED)

    def test_on_another_node_with_the_same_run_folder_starts(self):
        host = rig.host("other")
        host.ip("link set lo up")
        other = type("Other", (), {"name": "node-a", "host": host})
        second = Wherry(rig, other, manifests=os.path.join(rig.folder.name, "manifests"))
        self.addCleanup(second.close)
        self.assertEqual(second.run_folder, wherries["node-a"].run_folder)
        self.assertEqual(second.stop(), 0)
        self.assertEqual(ask(rig.pods["ac"].host, web.cluster_ips[0], PORT).kind, ANSWERED)


class NodesAddresses(unittest.TestCase):
    """A Service whose external IPs are the addresses of all nodes: k3s makes such, and people do."""

    @classmethod
    def setUpClass(cls):
        cls.rig = rig_that_serves(("a1", "b1"), cls.addClassCleanup)
        for node in cls.rig.nodes.values():
            cls.rig.serve(cls.rig.host_pod(node, "host-" + node.name[-1]), HOST_PORT)
        backends = [cls.rig.pods["a1"], cls.rig.pods["b1"]]
        cls.web = Service("web", 1, backends)
        cls.own = Service("own", 2, backends, spec={
            "externalIPs": [*cls.rig.a.addresses, *cls.rig.b.addresses]})
        cls.before = {name: cls.own_addresses(node) for name, node in cls.rig.nodes.items()}
        cls.wherries = both_nodes(cls.rig, cls.rig.manifests("manifests", all_objects(
            cls.rig, [cls.web, cls.own])))
        for each in cls.wherries.values():
            cls.addClassCleanup(each.close)

    @staticmethod
    def own_addresses(node):
        return [line for address in node.addresses for line in node.host.run(
            "ip", "-6" if ":" in address else "-4", "route", "show", "table", "local", "exact",
            address).splitlines()]

    def all_answer(self, probes, names):
        for probe, outcome in zip(probes, ask_all(probes, patience=1)):
            with self.subTest(probe=str(probe)):
                self.assertEqual(outcome.kind, ANSWERED)
                self.assertIn(outcome.backend, names)

    def test_is_served_at_each_of_them(self):
        self.all_answer([Probe(host, node.addresses[family], PORT, protocol)
                         for host in (self.rig.neighbour, self.rig.pods["ac"].host, self.rig.a.host)
                         for node in self.rig.nodes.values() for family in (0, 1)
                         for protocol in ("TCP", "UDP")], ("a1", "b1"))

    def test_cuts_no_node_off(self):
        for here, there in ((self.rig.a, "b"), (self.rig.b, "a")):
            other = self.rig.nodes["node-" + there]
            self.all_answer([Probe(host, other.addresses[family], HOST_PORT, protocol)
                             for host in (here.host, here.pods[here.name[-1] + "c"].host)
                             for family in (0, 1) for protocol in ("TCP", "UDP")],
                            ("host-" + there,))

    def test_disturbs_no_other_Service(self):
        self.all_answer([Probe(self.rig.pods["ac"].host, self.web.cluster_ips[family], PORT, protocol)
                         for family in (0, 1) for protocol in ("TCP", "UDP") for _ in range(4)],
                        ("a1", "b1"))

    def test_z_leaves_the_nodes_their_own_addresses_when_it_stops(self):
        for name, each in self.wherries.items():
            self.assertEqual(each.stop(), 0)
            self.assertEqual(self.own_addresses(self.rig.nodes[name]), self.before[name])


if __name__ == "__main__":
    unittest.main()
