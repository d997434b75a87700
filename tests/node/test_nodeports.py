"""On which of a node's addresses its NodePorts are served (F2), and its health check node ports (H3)."""
import http.client
import socket
import unittest

from objects import Service, all_objects
from probes import ANSWERED, REFUSED, Probe, ask, ask_all
from rig import rig_that_serves
from test_fallbacks import NO_BPF
from wherry_node import Wherry, wait_for

LOOPBACK = ("127.0.0.1", "::1")
LINK = ("198.18.0.111", "fd00:18::111")  # the node's second address on the nodes' link
DUMMY = ("198.18.7.1", "fd00:18:7::1")  # and one on lo, as routing daemons put them there

OWN, SECOND, ON_LO = "own", "second", "on lo"
ALL = {OWN, SECOND, ON_LO}

# What is given: where NodePorts are served then, of IPv4 and of IPv6.
CASES = {
    "": (ALL, ALL),
    "198.18.0.11/32": ({OWN}, ALL),  # a family of which nothing is named has all
    "198.18.7.0/24,fd00:18:7::/64": ({ON_LO}, {ON_LO}),
    "192.0.2.0/24,fd00:2::/64": (set(), set()),
    "primary": ({OWN}, {OWN}),
    "primary,198.18.7.0/24": ({OWN, ON_LO}, {OWN}),
    "localhost": (set(), set()),
    "localhost,all": (ALL, ALL),
}
WITHOUT_BPF = ("", "198.18.0.11/32", "primary,198.18.7.0/24", "localhost")


def setUpModule():
    global rig, web, local, folder
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    # None of them shall be chosen as the source of anything.
    rig.a.host.ip(f"addr add {LINK[0]}/32 dev eth0", f"addr add {DUMMY[0]}/32 dev lo",
                  f"addr add {LINK[1]}/128 dev eth0 preferred_lft 0",
                  f"addr add {DUMMY[1]}/128 dev lo preferred_lft 0")
    rig.router.ip(f"route add {DUMMY[0]} via {rig.a.addresses[0]}",
                  f"route add {DUMMY[1]} via {rig.a.addresses[1]}")
    web = Service("web", 1, [rig.pods["a1"], rig.pods["b1"]])
    local = Service("local", 2, [rig.pods["a1"]], external="Local")
    folder = rig.manifests("manifests", all_objects(rig, [web, local]))


def addresses(family):
    return {OWN: rig.a.addresses[family], SECOND: LINK[family], ON_LO: DUMMY[family]}


def askers(family):
    """(who, from which address, the address that it is seen with) of a client outside, pods and the host."""
    outside = rig.a.outside_source[family]
    return [(rig.outside, outside, outside), (rig.a.host, "", rig.a.addresses[family]),
            *((rig.pods[name].host, "", rig.pods[name].addresses[family]) for name in ("ac", "bc"))]


def health_status(host, address, port):
    """What a health check node port says; REFUSED where nobody listens."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.inside(), socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect((address, port))
        except ConnectionRefusedError:
            return REFUSED
        connection = http.client.HTTPConnection(address, port)
        connection.sock = client
        connection.request("GET", "/")
        return connection.getresponse().status


class NodePorts(unittest.TestCase):
    def setUp(self):
        self.running = []
        self.addCleanup(self.end_all)

    def start(self, given, prefix=()):
        arguments = ("--nodeport-addresses", given) if given else ()
        # Without BPF there are no programs to bring answers back either, which /readyz says.
        wherry = Wherry(rig, rig.a, *arguments, "--transparent", "off", manifests=folder,
                        prefix=prefix)
        self.running.append(wherry)
        return wherry

    def end_all(self):
        """Also after a part of a test that has failed."""
        for wherry in self.running:
            wherry.close()
            wherry.command("cleanup", "--run-dir", wherry.run_folder)
        self.running.clear()

    def asked_as_it_should(self, wanted):
        """`wanted` are (probe, outcome's kind). What is wrong is asked again: a machine with much
        to do is slow."""
        outcomes = ask_all([probe for probe, _ in wanted])
        again = [i for i, outcome in enumerate(outcomes) if outcome.kind != wanted[i][1]]
        for i, outcome in zip(again, ask_all([wanted[i][0] for i in again], patience=1.5)):
            outcomes[i] = outcome
        self.assertEqual([f"{probe}: {outcome}, not {kind}"
                          for (probe, kind), outcome in zip(wanted, outcomes)
                          if outcome.kind != kind], [])

    def is_served_at(self, wherry, served):
        wanted = []
        for family in (0, 1):
            for name, address in addresses(family).items():
                kind = ANSWERED if name in served[family] else REFUSED
                for host, source, seen in askers(family):
                    for protocol in ("TCP", "UDP"):
                        wanted.append((Probe(host, address, web.node_port, protocol, source), kind))
                        said = wherry.explain(seen, address, web.node_port, protocol)
                        self.assertEqual(
                            said[0], "forward" if kind == ANSWERED else "no explanation (404)",
                            f"{seen} -> {address}/{protocol}: {said}")
            wanted += [(Probe(rig.a.host, LOOPBACK[family], web.node_port, protocol), ANSWERED)
                       for protocol in ("TCP", "UDP")]
        self.asked_as_it_should(wanted)

    def health_checks_are_at(self, given, served):
        for family in (0, 1):
            # 127.0.0.1 and ::1 are like any other address for them: there if they are named.
            on_loopback = served[family] == ALL or "localhost" in given
            wanted = [(rig.a.host, LOOPBACK[family], 200 if on_loopback else REFUSED)]
            for name, address in addresses(family).items():
                wanted += [(host, address, 200 if name in served[family] else REFUSED)
                           for host in (rig.outside, rig.a.host)]
            for host, address, status in wanted:
                with self.subTest(host=host, address=address):
                    wait_for(f"{status} at {address}", lambda: health_status(
                        host, address, local.object()["spec"]["healthCheckNodePort"]) == status,
                        seconds=5)

    def test_F2_H3_are_served_at_the_addresses_that_are_named_and_on_loopback(self):
        for given, served in CASES.items():
            with self.subTest(given=given):
                self.end_all()
                wherry = self.start(given)
                self.is_served_at(wherry, served)
                self.asked_as_it_should([(Probe(rig.a.host, "127.7.7.7", web.node_port, protocol),
                                          ANSWERED) for protocol in ("TCP", "UDP")])
                self.health_checks_are_at(given, served)
                self.assertEqual(wherry.stop(), 0, wherry.log()[-2000:])

    def test_F2_H3_are_so_without_BPF_too(self):
        for given in WITHOUT_BPF:
            with self.subTest(given=given):
                self.end_all()
                wherry = self.start(given, prefix=NO_BPF)
                self.assertRegex(wherry.log(), "CAP_BPF")
                self.is_served_at(wherry, CASES[given])
                self.health_checks_are_at(given, CASES[given])
                _, body = wherry.get("/readyz?verbose")
                self.assertNotIn("[-]", body)
                self.assertNotRegex(wherry.log(), "can't be (opened|listened)")
                self.assertEqual(wherry.stop(), 0, wherry.log()[-2000:])

    def test_F2_primary_follows_the_Node(self):
        def write(node_addresses):
            objects = all_objects(rig, [web, local])
            for each in objects:
                if each["kind"] == "Node" and each["metadata"]["name"] == rig.a.name:
                    each["status"]["addresses"] = [{"type": "InternalIP", "address": address}
                                                   for address in node_addresses]
            rig.write(folder, objects)

        self.addCleanup(write, rig.a.addresses)
        for prefix in ((), NO_BPF):
            with self.subTest(prefix=prefix):
                self.end_all()
                write(rig.a.addresses)
                wherry = self.start("primary", prefix)
                write([LINK[0], "192.0.2.99", LINK[1]])
                for family in (0, 1):
                    wait_for("NodePorts are where the Node's address is", lambda: ask(
                        rig.pods["ac"].host, LINK[family], web.node_port).kind == ANSWERED)
                self.is_served_at(wherry, ({SECOND}, {SECOND}))

    def test_F4_elsewhere_the_port_is_the_hosts(self):
        self.start("198.18.0.11/32")
        port = web.node_port
        # Not on IPv4's wildcard: UDP would be answered from the node's first address.
        process = rig.serve_at(rig.a.host, "host-process",
                               [f"{LINK[0]}:{port}", f"{DUMMY[0]}:{port}", f"[::]:{port}"])
        try:
            for family in (0, 1):
                for name, address in addresses(family).items():
                    is_wherrys = name in CASES["198.18.0.11/32"][family]
                    for host, source, _ in askers(family):
                        for protocol in ("TCP", "UDP"):
                            with self.subTest(host=host, address=address, protocol=protocol):
                                outcome = ask(host, address, port, protocol, source, patience=1.5)
                                self.assertEqual(outcome.kind, ANSWERED)
                                self.assertIn(outcome.backend,
                                              ("a1", "b1") if is_wherrys else ("host-process",))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    unittest.main()
