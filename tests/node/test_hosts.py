"""The rig itself, with no wherry in it: who reaches whom, and that it tells outcomes apart."""
import time
import unittest

from probes import ANSWERED, REFUSED, SILENCE, Probe, ask, ask_all
from rig import BACKEND_PORT, rig_that_serves


def setUpModule():
    global rig, took
    began = time.monotonic()
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    took = time.monotonic() - began


class Hosts(unittest.TestCase):
    def test_come_up_within_five_seconds(self):
        self.assertLess(took, 5)

    def test_everybody_reaches_every_pod_and_is_seen_as_who_it_is(self):
        wanted = []
        for to in (rig.pods["a1"], rig.pods["b1"]):
            for family in (0, 1):
                for protocol in ("TCP", "UDP"):
                    for pod in ("ac", "bc"):
                        asker = rig.pods[pod]
                        wanted.append((Probe(asker.host, to.addresses[family], BACKEND_PORT, protocol),
                                       to.name, asker.addresses[family]))
                    for node in (rig.a, rig.b):
                        wanted.append((Probe(node.host, to.addresses[family], BACKEND_PORT, protocol),
                                       to.name, node.addresses[family]))
                        source = node.outside_source[family]
                        wanted.append((Probe(rig.outside, to.addresses[family], BACKEND_PORT, protocol,
                                             source), to.name, source))

        outcomes = ask_all([probe for probe, _, _ in wanted])

        for (probe, name, seen), outcome in zip(wanted, outcomes):
            with self.subTest(probe=str(probe)):
                self.assertEqual((outcome.kind, outcome.backend, outcome.seen), (ANSWERED, name, seen))

    def test_a_port_without_a_process_refuses_over_both_protocols(self):
        pod = rig.pods["a1"]
        for address in pod.addresses:
            for protocol in ("TCP", "UDP"):
                with self.subTest(address=address, protocol=protocol):
                    self.assertEqual(ask(rig.outside, address, 1, protocol).kind, REFUSED)

    def test_who_never_answers_is_silent_over_both_protocols(self):
        rig.pods["bc"].host.ip("route add blackhole 198.51.100.200/32",
                               "route add blackhole fd00:51::200/128")
        rig.b.host.ip("route add 198.51.100.200 via inet6 fe80::2 dev pod-bc",
                      "neigh add fe80::2 lladdr 02:00:00:00:00:77 dev pod-bc nud permanent",
                      "route add fd00:51::200 via fe80::2 dev pod-bc")
        for address in ("198.51.100.200", "fd00:51::200"):
            for protocol in ("TCP", "UDP"):
                with self.subTest(address=address, protocol=protocol):
                    self.assertEqual(ask(rig.b.host, address, 1, protocol).kind, SILENCE)

    def test_what_comes_from_outside_is_led_by_the_node_that_its_source_says(self):
        for node in (rig.a, rig.b):
            for family, vip in enumerate(("198.51.100.7", "fd00:51::7")):
                with self.subTest(node=node.name, vip=vip):
                    found = rig.router.run("ip", "route", "get", vip, "from",
                                           node.outside_source[family], "iif", "to-outside")
                    self.assertIn(f" via {node.addresses[family]} ", found)


if __name__ == "__main__":
    unittest.main()
