"""Privileges that are not there: no BPF, then no right to set up the network either."""
import sys
import unittest

import test_refusals
import test_restart
from combos import ask_everything, print_summary, services_of, wrong_explanations, wrong_ones
from expectations import Expected, deciding_node, expected
from objects import PORT, Service, all_objects
from probes import ANSWERED, REFUSED, SILENCE, Probe, ask_all, ask_until
from rig import rig_that_serves
from wherry_node import both_nodes, wait_for

# Also where cap_sys_admin, which counts as cap_bpf for the kernel, is left.
NO_BPF = ("capsh", "--drop=cap_bpf", "--", "-c", 'exec "$0" "$@"')
NO_NET_ADMIN = ("capsh", "--drop=cap_bpf,cap_sys_admin,cap_perfmon,cap_net_admin,cap_net_raw", "--",
                "-c", 'exec "$0" "$@"')


def seen_as_node(rig, combination):
    """What must become of a combination where the backend sees the node: the way back of a
    transparent socket needs BPF."""
    want = expected(rig, combination)
    node = rig.nodes[deciding_node(combination)].addresses[combination.family]
    return Expected(want.kind, want.backends, tuple((name, node) for name, _ in want.seen))


class Reset(Expected):
    """In place of silence, where the kernel takes no packet filter."""

    def admits(self, outcome):
        return outcome.kind in ("ECONNRESET", "ECONNRESET after connecting")


def without_filters(rig, combination):
    want = seen_as_node(rig, combination)
    is_filtered = want.kind == SILENCE and combination.protocol == "TCP"
    return Reset("ECONNRESET") if is_filtered else want


# Exit code 0 where a process may give a socket a packet filter, one that lets all in.
TRIES_A_FILTER = """import ctypes, socket, struct, sys
whole = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xffffffff))
program = struct.pack("HxxxxxxL", 1, ctypes.addressof(whole))
try:
    socket.socket().setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
except PermissionError:
    sys.exit("not permitted")
print("permitted")
"""


def may_filter(host):
    """Without CAP_NET_ADMIN: newer kernels refuse it, Linux 6.18 does."""
    return host.run(*NO_NET_ADMIN, sys.executable, "-c", TRIES_A_FILTER, check=False) == "permitted\n"


def rig_of_all_combinations(clean_up):
    """(rig, services), with backends."""
    rig = rig_that_serves(("a1", "b1"), clean_up)
    return rig, services_of(rig)


class WithoutBpf(unittest.TestCase):
    def test_listeners_on_the_same_routes_answer_refuse_and_stay_silent_as_the_programs_do(self):
        rig, services = rig_of_all_combinations(self.addCleanup)
        wherries = both_nodes(rig, rig.manifests("manifests", all_objects(rig, services)),
                              prefix=NO_BPF)
        for each in wherries.values():
            self.addCleanup(each.close)
        found = ask_everything(rig, services, wanted_of=seen_as_node)
        print_summary(rig, found, seen_as_node)
        self.assertEqual(wrong_ones(rig, found, wanted_of=seen_as_node), "")
        self.assertEqual(wrong_explanations(rig, wherries, services, seen_as_node), "")
        for each in wherries.values():
            self.assertRegex(each.log(), r"(?m)^.*steering.*node.*routes and a listener for each "
                                         r"service port.*CAP_BPF")


class RefusalsWithoutBpf(test_refusals.Refusals):
    """Source ranges, to no endpoint and back, UDP too; and what E10 is without a program."""

    @classmethod
    def setUpClass(cls):
        test_refusals.start(NO_BPF)

    def test_E10_free_addresses_of_the_service_CIDRs_are_silent(self):
        """Not so: a route brings them here, and here nobody listens."""
        self.all_are(REFUSED, [(test_refusals.FREE, PORT),
                               (test_refusals.FREE, test_refusals.WRONG_PORT)])

    def test_E10_explain_says_so(self):
        """Of a free address, that nobody serves it."""
        rig, web = test_refusals.rig, test_refusals.web
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                for address, wanted in ((web.cluster_ips[family], "reject"),
                                        (web.external_ips[family], "reject"),
                                        (test_refusals.FREE[family], "no explanation (404)")):
                    with self.subTest(address=address, protocol=protocol):
                        said = test_refusals.wherries["node-a"].explain(
                            rig.pods["ac"].addresses[family], address, test_refusals.WRONG_PORT,
                            protocol)
                        self.assertEqual(said[0], wanted, said)

    # It is about the program's silence.
    test_W4_blocks_of_a_ServiceCIDR_in_the_manifests_count_as_given_ones = None

    def test_E10_processes_on_the_wildcard_address_are_reached_as_the_log_says(self):
        rig, web = test_refusals.rig, test_refusals.web
        self.assertRegex(test_refusals.wherries["node-a"].log(),
                         "host processes on the wildcard address are reached at Services' addresses")
        process = rig.serve_at(rig.a.host, "host-process", ["0.0.0.0:4445", "[::]:4445"])
        try:
            for family in (0, 1):
                for address in (web.cluster_ips[family], web.external_ips[family]):
                    outcome = ask_until(lambda each: each.kind == ANSWERED, rig.pods["ac"].host,
                                        address, 4445)
                    self.assertEqual(outcome.backend, "host-process")
        finally:
            process.kill()
            process.wait()


class RestartWithoutBpf(test_restart.Restart):
    """kill -9, start again, stop, cleanup: what is listed before and after."""
    prefix = NO_BPF
    sees_clients = False
    free_addresses = REFUSED
    # No socket waits in the kernel for the next process, and each port is opened anew.
    most_gap_ms = 3 * test_restart.GAP_MS

    @classmethod
    def setUpClass(cls):
        test_restart.setUpModule()


class WithoutNetAdmin(unittest.TestCase):
    """Steering falls to `bind`. What is an address of the node is served there; somebody else has
    put it there, since wherry may not."""

    def is_said(self, wherries):
        for each in wherries.values():
            self.addCleanup(each.close)
            self.assertRegex(each.log(), r"(?i)steering.*bind")
            self.assertRegex(each.log(), r"CAP_NET_ADMIN")
            self.assertEqual(each.get("/proxyMode"), (200, "bind"))

    def test_Services_whose_addresses_the_node_has_are_served_as_by_the_programs(self):
        rig, services = rig_of_all_combinations(self.addCleanup)
        for node in rig.nodes.values():
            # None of them shall be chosen as the source of anything.
            node.host.ip(*(f"addr add {addresses[0]}/32 dev lo scope host" for service in services
                           for addresses in (service.cluster_ips, service.external_ips,
                                             service.balancer_ips)),
                         *(f"addr add {addresses[1]}/128 dev lo preferred_lft 0"
                           for service in services
                           for addresses in (service.cluster_ips, service.external_ips,
                                             service.balancer_ips)))
        wherries = both_nodes(rig, rig.manifests("manifests", all_objects(rig, services)),
                              "--listen-address", "0.0.0.0", prefix=NO_NET_ADMIN)
        self.is_said(wherries)
        wanted_of = seen_as_node
        if not may_filter(rig.a.host):
            wanted_of = without_filters
            for each in wherries.values():
                self.assertRegex(each.log(), "a listener has no packet filter; clients that should "
                                             "get no answer are refused.*remedy=\"?grant CAP_NET_ADMIN")
        found = ask_everything(rig, services, wanted_of=wanted_of)
        print_summary(rig, found, wanted_of)
        self.assertEqual(wrong_ones(rig, found, wanted_of=wanted_of), "")
        self.assertEqual(wrong_explanations(rig, wherries, services, seen_as_node), "")

    def test_other_Services_are_served_where_bind_listens(self):
        rig = rig_that_serves(("a1", "b1"), self.addCleanup)
        both = [rig.pods["a1"], rig.pods["b1"]]
        own = ("fd00:77::3", "fd00:77::4")
        for node in rig.nodes.values():
            node.host.ip(*(f"addr add {address}/128 dev lo preferred_lft 0" for address in own))
        first = Service("first", 1, both)
        web = Service("web", 2, both)
        noted = Service("noted", 3, both,
                        annotations={"wherry.io/listen-address": f"127.77.0.3,{own[0]}"})
        empty = Service("empty", 4, [],
                        annotations={"wherry.io/listen-address": f"127.77.0.4,{own[1]}"})
        services = [first, web, noted, empty]
        folder = rig.manifests("manifests", all_objects(rig, services))
        wherries = both_nodes(rig, folder, "--listen-pool", "127.64.0.0/16", prefix=NO_NET_ADMIN)
        self.is_said(wherries)
        for name, wherry in wherries.items():
            with self.subTest(node=name):
                self.listens_where_it_should(rig.nodes[name], wherry, services)
        # Of two that want [::1]:80 the older has it, or the one whose name is first; it is said.
        self.assertRegex(wherries["node-a"].log(), r"rig/web.*(\[::1\]:80|::1)")
        self.assertNotRegex(wherries["node-a"].log(), r"rig/first.*can't|noted.*can't")

        for backends, kind, verdict in (([], REFUSED, "reject"),
                                        ([rig.pods["b1"]], ANSWERED, "forward")):
            for service in services:
                service.backends = backends
            rig.write(folder, all_objects(rig, services))
            for name, wherry in wherries.items():
                for service in services:
                    wait_for("the table has it",
                             lambda: wherry.generation_has(service.name, len(backends)))
                self.all_are(rig.nodes[name], wherry, self.places(wherry), kind, verdict)

    def listens_where_it_should(self, node, wherry, services):
        first, web, noted, empty = services
        at = {each.name: [place[:2] for place in self.places(wherry) if place[3] == each.name]
              for each in services}
        for service in (first, web):
            self.assertTrue(any(address.startswith("127.64.") and port == PORT
                                for address, port in at[service.name]), at)
        self.assertIn(("::1", PORT), at["first"])
        self.assertNotIn(("::1", PORT), at["web"])
        for service, addresses in ((noted, ("127.77.0.3", "fd00:77::3")),
                                   (empty, ("127.77.0.4", "fd00:77::4"))):
            for address in addresses:
                self.assertIn((address, PORT), at[service.name])
        for service in services:
            for loopback in ("127.0.0.1", "::1"):
                self.assertIn((loopback, service.node_port), at[service.name])
        has_backends = [place for place in self.places(wherry) if place[3] != "empty"]
        self.all_are(node, wherry, has_backends, ANSWERED, "forward")
        self.all_are(node, wherry, [place for place in self.places(wherry) if place[3] == "empty"],
                     REFUSED, "reject")

    def places(self, wherry):
        """(address, port, protocol, Service) of all that the table says is listened on."""
        found = []
        for row in wherry.table():
            for listen in row["listen"]:
                address, _, port = listen.rpartition(":")
                found.append((address.strip("[]"), int(port), row["protocol"], row["service"]))
        return found

    def all_are(self, node, wherry, places, kind, verdict):
        """So it is for the node itself, over TCP and UDP, at every place; and so `explain` says."""
        self.assertGreaterEqual(len(places), 8)
        probes = [Probe(node.host, *place[:3]) for place in places]
        outcomes = ask_all(probes, patience=1.5)
        for i, probe in enumerate(probes):
            if outcomes[i].kind != kind:  # a listener comes and goes a moment after the table
                outcomes[i] = ask_until(lambda each: each.kind == kind, probe.host, probe.to,
                                        probe.port, probe.protocol)
        self.assertEqual([f"{probe}: {outcome}" for probe, outcome in zip(probes, outcomes)
                          if outcome.kind != kind], [])
        for address, port, protocol, service in places:
            said = wherry.explain(node.addresses[":" in address], address, port, protocol)
            self.assertEqual(said[0], verdict, f"{service} at {address} {port}/{protocol}: {said}")
            if kind == ANSWERED:
                self.assertTrue(said[1], said)


if __name__ == "__main__":
    unittest.main()
