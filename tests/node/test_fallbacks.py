"""Privileges that are not there: no BPF, then no right to set up the network either."""
import unittest

from combos import ask_everything, print_summary, services_of, wrong_ones
from expectations import Expected, expected
from objects import PORT, Service, all_objects
from probes import ANSWERED, REFUSED, ask, ask_until
from rig import Rig
from wherry_node import both_nodes, wait_for

# Also where cap_sys_admin, which counts as cap_bpf for the kernel, is left.
NO_BPF = ("capsh", "--drop=cap_bpf", "--", "-c", 'exec "$0" "$@"')
NO_NET_ADMIN = ("capsh", "--drop=cap_bpf,cap_sys_admin,cap_perfmon,cap_net_admin,cap_net_raw", "--",
                "-c", 'exec "$0" "$@"')


def without_address(rig, combination):
    """What must become of a combination where the backend may see the node: the way back of a
    transparent socket needs BPF."""
    want = expected(rig, combination)
    if want.kind != ANSWERED:
        return want
    return AnyAddress(want.kind, want.backends)


class AnyAddress(Expected):
    def admits(self, outcome):
        return outcome.kind == ANSWERED and outcome.backend in self.backends

    def __str__(self):
        return " or ".join(sorted(self.backends))


class WithoutBpf(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)
        for name in ("a1", "b1"):
            self.rig.serve(self.rig.pods[name])
        self.services = services_of(self.rig)
        manifests = self.rig.manifests("manifests", all_objects(self.rig, self.services))
        self.wherries = both_nodes(self.rig, manifests, prefix=NO_BPF)
        for each in self.wherries.values():
            self.addCleanup(each.close)

    def test_listeners_on_the_same_routes_answer_refuse_and_stay_silent_as_the_programs_do(self):
        found = ask_everything(self.rig, self.services, wanted_of=without_address)
        print_summary(self.rig, found, without_address)
        self.assertEqual(wrong_ones(self.rig, found, wanted_of=without_address), "")
        for each in self.wherries.values():
            self.assertRegex(each.log(), r"CAP_BPF")


class WithoutNetAdmin(unittest.TestCase):
    def test_it_binds_and_says_why(self):
        rig = Rig()
        self.addCleanup(rig.close)
        for name in ("a1", "b1"):
            rig.serve(rig.pods[name])
        web = Service("web", 1, [rig.pods["a1"], rig.pods["b1"]])
        manifests = rig.manifests("manifests", all_objects(rig, [web]))
        wherries = both_nodes(rig, manifests, "--listen-pool", "127.64.0.0/16", prefix=NO_NET_ADMIN)
        for each in wherries.values():
            self.addCleanup(each.close)
            self.assertRegex(each.log(), r"(?i)steering.*bind")
            self.assertRegex(each.log(), r"CAP_NET_ADMIN")

        def listens(wherry, protocol):
            for row in wherry.table():
                if row["service"] == "web" and row["protocol"] == protocol and row["listen"]:
                    return row["listen"][0].rsplit(":", 1)
            return None

        found = []
        for node in rig.nodes.values():
            for protocol in ("TCP", "UDP"):
                address, port = wait_for("it listens", lambda: listens(wherries[node.name], protocol))
                at = node.host, address.strip("[]"), int(port), protocol
                found.append(at)
                outcome = ask(*at, patience=1)
                self.assertEqual(outcome.kind, ANSWERED, protocol)
            self.assertEqual(ask(rig.outside, web.cluster_ips[0], PORT,
                                 source=node.outside_source[0]).kind != ANSWERED, True)

        web.backends = []
        rig.manifests("manifests", all_objects(rig, [web]))
        for at in found:
            outcome = ask_until(lambda outcome: outcome.kind == REFUSED, *at)
            self.assertEqual(outcome.kind, REFUSED, at)


if __name__ == "__main__":
    unittest.main()
