"""wherry.io/port-range: every port of the range leads to the one service port, wherever its address is
served; a backend is dialled as far from its own port as the asked one is from the Service's."""
import unittest

from objects import Service, all_objects
from probes import ANSWERED, REFUSED, SILENCE, Probe, ask_all
from rig import Rig
from wherry_node import both_nodes

FIRST, LAST = 5000, 5100  # of the Service's addresses
OWN = 5010  # the service port, which the range holds
TARGET = 6010  # and where its backends are
NODE_FIRST, NODE_LAST = 30500, 30520  # of the nodes' addresses
NODE_OWN = 30505
NODE_TARGET = 7005
TAKEN = 5020  # in the range, and another Service's own


def spec(port, target, node_port):
    return {"ports": [{"name": protocol.lower(), "protocol": protocol, "port": port,
                       "targetPort": target, "nodePort": node_port} for protocol in ("TCP", "UDP")]}


def setUpModule():
    global rig, wherries, media, local, nodes, alone, empty
    rig = Rig()
    unittest.addModuleCleanup(rig.close)
    for name in ("a1", "b1"):
        pod = rig.pods[name]
        # Its name tells the port on which it was asked.
        for port in (6000, TARGET, 6011, 6020, 6100, NODE_TARGET, 7000, 7020, 8080):
            rig.serve_at(pod.host, f"{name}:{port}",
                         [f"{pod.addresses[0]}:{port}", f"[{pod.addresses[1]}]:{port}"])
    both = [rig.pods["a1"], rig.pods["b1"]]
    by_range = {"wherry.io/port-range": f"{FIRST}-{LAST}"}
    media = Service("media", 1, both, backend_port=TARGET, annotations=by_range,
                    spec=spec(OWN, TARGET, 30001))
    local = Service("local", 2, both[:1], external="Local", backend_port=TARGET,
                    annotations=by_range, spec=spec(OWN, TARGET, 30002))
    nodes = Service("nodes", 3, both, backend_port=NODE_TARGET,
                    annotations={"wherry.io/port-range": f"{NODE_FIRST}-{NODE_LAST}"},
                    spec=spec(NODE_OWN, NODE_TARGET, NODE_OWN))
    alone = Service("alone", 4, both, spec={**spec(TAKEN, 8080, 30004),
                                            "externalIPs": list(media.external_ips)})
    empty = Service("empty", 5, [], annotations=by_range, spec=spec(OWN, TARGET, 30006))
    wherries = both_nodes(rig, rig.manifests("manifests", all_objects(
        rig, [media, local, nodes, alone, empty])))
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)


def askers():
    """(the node that decides, host, source address or none by family, whom the node sees)"""
    for node in rig.nodes.values():
        pod = node.pods[node.name[-1] + "c"]
        yield node, pod.host, ("", ""), pod.addresses
        yield node, node.host, ("", ""), node.addresses
        yield node, rig.outside, node.outside_source, node.outside_source


class PortRanges(unittest.TestCase):
    maxDiff = None

    def all_are(self, ways):
        """`ways` are (addresses, port, outcome's kind, port of the backend); everybody asks them, by
        both protocols and families. What happens, and what `explain` says, is this."""
        asked = []
        for node, host, sources, seen in askers():
            for addresses, port, kind, backend_port in ways:
                addresses = addresses(node) if callable(addresses) else addresses
                for family in (0, 1):
                    for protocol in ("TCP", "UDP"):
                        asked.append((node, seen[family], kind(node, host) if callable(kind) else
                                      kind, backend_port,
                                      Probe(host, addresses[family], port, protocol,
                                            sources[family])))
        outcomes = ask_all([each[-1] for each in asked])
        again = [i for i, each in enumerate(asked) if outcomes[i].kind != each[2]]
        for i, outcome in zip(again, ask_all([asked[i][-1] for i in again], patience=1.5)):
            outcomes[i] = outcome
        verdicts = {ANSWERED: "forward", REFUSED: "reject", SILENCE: "drop"}
        wrong = []
        for (node, seen, kind, backend_port, probe), outcome in zip(asked, outcomes):
            if outcome.kind != kind or (kind == ANSWERED and
                                        outcome.backend.rpartition(":")[2] != str(backend_port)):
                wrong.append(f"{probe}: {outcome}; must be {kind} by port {backend_port}")
            said = wherries[node.name].explanation(seen, probe.to, probe.port, probe.protocol)
            dialled = {each.rpartition(":")[2] for each in said.get("backends", [])}
            if said.get("verdict") != verdicts[kind] or dialled != (
                    {str(backend_port)} if kind == ANSWERED else set()):
                wrong.append(f"{probe} at {node.name}: explain says {said}")
        self.assertEqual("\n".join(wrong[:20]), "", f"in all {len(wrong)}")

    def test_each_port_of_the_range_leads_to_its_counterpart_at_the_backend(self):
        self.all_are([(addresses, port, ANSWERED, port + TARGET - OWN)
                      for addresses in (media.cluster_ips, media.balancer_ips)
                      for port in (OWN, OWN + 1, TAKEN)] +
                     [(media.external_ips, OWN + 1, ANSWERED, TARGET + 1)])

    def test_its_first_and_its_last_port_are_in_it_and_their_neighbours_are_not(self):
        ways = []
        for addresses in (media.cluster_ips, media.external_ips, media.balancer_ips):
            ways += [(addresses, FIRST - 1, REFUSED, 0), (addresses, LAST + 1, REFUSED, 0),
                     (addresses, FIRST, ANSWERED, 6000), (addresses, LAST, ANSWERED, 6100)]
        self.all_are(ways)

    def test_a_port_alone_comes_before_a_range(self):
        self.all_are([(media.external_ips, TAKEN, ANSWERED, 8080)])

    def test_a_range_that_holds_the_NodePort_is_one_of_the_nodes_addresses_too(self):
        ways = []
        for port, target in ((NODE_FIRST, 7000), (NODE_OWN, NODE_TARGET), (NODE_LAST, 7020)):
            ways += [(lambda node: node.addresses, port, ANSWERED, target),
                     (nodes.cluster_ips, port, ANSWERED, target)]
        self.all_are(ways)

    def test_outside_of_it_and_where_the_range_does_not_hold_the_NodePort_ports_are_the_hosts(self):
        for node, host, sources, seen in askers():
            for family in (0, 1):
                for protocol in ("TCP", "UDP"):
                    for port in (NODE_FIRST - 1, NODE_LAST + 1, OWN + 1):
                        probe = Probe(host, node.addresses[family], port, protocol, sources[family])
                        with self.subTest(probe=str(probe)):
                            self.assertEqual(ask_all([probe], patience=1.5)[0].kind, REFUSED)
                            said = wherries[node.name].explanation(
                                seen[family], node.addresses[family], port, protocol)
                            self.assertEqual(said.get("status"), 404, said)

    def test_E7_E9_policies_and_refusals_are_those_of_the_service_port(self):
        def local_kind(node, host):
            return SILENCE if node is rig.b and host is rig.outside else ANSWERED
        self.all_are([(local.balancer_ips, OWN + 1, local_kind, TARGET + 1),
                      (local.external_ips, LAST, local_kind, 6100),
                      (empty.cluster_ips, OWN + 1, REFUSED, 0),
                      (empty.balancer_ips, LAST, REFUSED, 0)])


if __name__ == "__main__":
    unittest.main()
