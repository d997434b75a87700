"""Refused is ECONNREFUSED at connect(), dropped is silence: wrong ports, free addresses, source
ranges, a Service that loses its last endpoint and gets one again."""
import json
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, REFUSED, SILENCE, Probe, ask, ask_all, ask_until
from rig import SERVICE_CIDRS, rig_that_serves
from wherry_node import Wherry, both_nodes, wait_for

FREE = ("10.96.250.250", "fd00:96::fafa")  # in the service CIDRs, and no Service's
WRONG_PORT = 4444


def setUpModule():
    start()


def start(prefix=()):
    global rig, folder, wherries, web, empty, ranged, ranged_empty, other_family
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    backends = [rig.pods["a1"], rig.pods["b1"]]
    by_a = [f"{rig.a.outside_source[0]}/32", f"{rig.a.outside_source[1]}/128"]
    web = Service("web", 1, backends)
    empty = Service("empty", 2, [])
    ranged = Service("ranged", 3, backends, spec={"loadBalancerSourceRanges": by_a})
    ranged_empty = Service("ranged-empty", 4, [], spec={"loadBalancerSourceRanges": by_a})
    other_family = Service("other-family", 5, backends,
                           spec={"loadBalancerSourceRanges": by_a[1:]})
    folder = rig.manifests("manifests", all_objects(rig, everything()))
    wherries = both_nodes(rig, folder, prefix=prefix)
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)


def everything():
    return [web, empty, ranged, ranged_empty, other_family]


def askers():
    """(host, source addresses or none) of a pod, a node and the client outside."""
    none = ("", "")
    return [(rig.pods["ac"].host, none), (rig.pods["bc"].host, none), (rig.a.host, none),
            (rig.b.host, none), (rig.outside, rig.a.outside_source),
            (rig.outside, rig.b.outside_source)]


class Refusals(unittest.TestCase):
    def all_are(self, kind, targets, protocols=("TCP", "UDP")):
        """Everybody who asks any of these (addresses, port) gets this."""
        probes = [Probe(host, addresses[family], port, protocol, sources[family])
                  for host, sources in askers() for addresses, port in targets
                  for protocol in protocols for family in (0, 1)]
        outcomes = ask_all(probes)
        again = [i for i, each in enumerate(outcomes) if each.kind != kind]
        for i, outcome in zip(again, ask_all([probes[i] for i in again], patience=1)):
            outcomes[i] = outcome
        wrong = [f"{probe}: {outcome}" for probe, outcome in zip(probes, outcomes)
                 if outcome.kind != kind]
        self.assertEqual(wrong, [])

    def test_E9_without_endpoints_every_address_refuses(self):
        self.all_are(REFUSED, [(empty.cluster_ips, PORT), (empty.external_ips, PORT),
                               (empty.balancer_ips, PORT), (rig.a.addresses, empty.node_port),
                               (rig.b.addresses, empty.node_port)])

    def test_E9_a_refusal_is_one_at_connect_every_time(self):
        outcomes = ask_all([Probe(rig.pods["ac"].host, empty.cluster_ips[i % 2], PORT)
                            for i in range(400)])
        self.assertEqual({each.kind for each in outcomes}, {REFUSED})

    def test_E10_other_ports_of_an_address_of_a_Service_refuse(self):
        self.all_are(REFUSED, [(web.cluster_ips, WRONG_PORT), (web.external_ips, WRONG_PORT),
                               (web.balancer_ips, WRONG_PORT)])

    def test_E10_free_addresses_of_the_service_CIDRs_are_silent(self):
        self.all_are(SILENCE, [(FREE, PORT), (FREE, WRONG_PORT)])

    def test_W4_blocks_of_a_ServiceCIDR_in_the_manifests_count_as_given_ones(self):
        given = wherries["node-a"]
        self.assertEqual(given.stop(), 0)
        self.addCleanup(lambda: (given.start(), given.wait_ready()))
        own = rig.manifests("own", all_objects(rig, everything()))
        wherry = Wherry(rig, rig.a, manifests=own, service_cidrs=())
        self.addCleanup(wherry.close)

        def says():
            return wherry.explain("pod", FREE[0], PORT, "TCP")[0]

        def blocks():
            return {each["dst"] for flag in ("-4", "-6") for each in json.loads(rig.a.host.run(
                "ip", flag, "-json", "route", "show", "table", "local", "proto", "87"))
                if "/" in each["dst"]}
        self.assertEqual((says(), blocks()), ("no explanation (404)", set()))
        rig.write(own, [{"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                         "metadata": {"name": "kubernetes"},
                         "spec": {"cidrs": list(SERVICE_CIDRS)}}], "blocks.json")
        wait_for("explain knows the block", lambda: says() == "drop")
        self.assertEqual(blocks(), set(SERVICE_CIDRS))
        pod = rig.pods["ac"].host
        for outcome in ask_all([Probe(pod, FREE[family], PORT, protocol)
                                for family in (0, 1) for protocol in ("TCP", "UDP")]):
            self.assertEqual(outcome.kind, SILENCE)
        self.assertEqual(wherry.stop(), 0)

    def test_E10_explain_says_so(self):
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                for client in (rig.pods["ac"].addresses[family], rig.a.addresses[family],
                               rig.a.outside_source[family]):
                    for address, port, wanted in ((web.cluster_ips[family], WRONG_PORT, "reject"),
                                                  (web.external_ips[family], WRONG_PORT, "reject"),
                                                  (FREE[family], PORT, "drop")):
                        with self.subTest(client=client, address=address, protocol=protocol):
                            said = wherries["node-a"].explain(client, address, port, protocol)
                            self.assertEqual(said[0], wanted, said)

    def test_F1_source_ranges_let_in_who_is_in_them_at_load_balancer_addresses_alone(self):
        for node, right in ((rig.a, ANSWERED), (rig.b, SILENCE)):
            for protocol in ("TCP", "UDP"):
                for family in (0, 1):
                    source = node.outside_source[family]
                    for address, port, wanted in (
                            (ranged.balancer_ips[family], PORT, right),
                            (ranged.external_ips[family], PORT, ANSWERED),
                            (ranged.cluster_ips[family], PORT, ANSWERED),
                            (node.addresses[family], ranged.node_port, ANSWERED)):
                        with self.subTest(address=address, port=port, by=source, protocol=protocol):
                            outcome = ask_until(lambda each: each.kind == wanted, rig.outside,
                                                address, port, protocol, source=source, seconds=1)
                            self.assertEqual(outcome.kind, wanted)

    def test_F1_without_endpoints_a_refusal_comes_before_the_ranges(self):
        for node in (rig.a, rig.b):
            for family in (0, 1):
                for protocol in ("TCP", "UDP"):
                    outcome = ask(rig.outside, ranged_empty.balancer_ips[family], PORT, protocol,
                                  source=node.outside_source[family])
                    self.assertEqual(outcome.kind, REFUSED)

    def test_F1_ranges_of_the_other_family_alone_let_everybody_in(self):
        for node in (rig.a, rig.b):
            outcome = ask(rig.outside, other_family.balancer_ips[0], PORT,
                          source=node.outside_source[0])
            self.assertEqual(outcome.kind, ANSWERED)

    def test_E9_U2_the_last_endpoint_leaves_and_one_comes_back(self):
        host = rig.pods["ac"].host
        ways = [(web.cluster_ips[0], PORT), (web.cluster_ips[1], PORT),
                (rig.a.addresses[0], web.node_port)]
        for backends, wanted in (([], REFUSED), ([rig.pods["b1"]], ANSWERED)):
            web.backends = backends
            rig.write(folder, all_objects(rig, everything()))
            wait_for("the table has it", lambda: wherries["node-a"].generation_has(
                "web", len(backends)))
            for address, port in ways:
                for protocol in ("TCP", "UDP"):
                    with self.subTest(address=address, port=port, protocol=protocol, wanted=wanted):
                        outcome = ask_until(lambda each: each.kind == wanted, host, address, port,
                                            protocol, patience=1, seconds=1)
                        self.assertEqual(outcome.kind, wanted)


if __name__ == "__main__":
    unittest.main()
