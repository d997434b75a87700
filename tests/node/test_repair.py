"""Somebody takes away what wherry has set up, or changes it: it comes back, and clients are carried
with their own addresses afterwards (R7)."""
import os
import re
import shutil
import time
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, ask_until
from rig import rig_that_serves
from snapshot import differences, listings
from wherry_node import both_nodes, is_sanitized, wait_for

# What netlink tells of is back within this; the rest is looked at every 30 s.
AT_ONCE = 1
CHECK = 30
PINS = "/sys/fs/bpf/wherry"
POD = "pod-a1"  # the interface that a backend's answers come in by


def setUpModule():
    global rig, web, local, wherries
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    web = Service("web", 1, [rig.pods["a1"], rig.pods["b1"]])
    local = Service("local", 2, [rig.pods["a1"], rig.pods["b1"]], external="Local")
    folder = rig.manifests("manifests", all_objects(rig, [web, local]))
    # The one by programs, the other by nftables.
    wherries = both_nodes(rig, folder, arguments_of=lambda node: (
        "--transparent", "nft" if node is rig.b else "auto"))
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)


def pins():
    """What is pinned, of both nodes: one file system has it all."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(PINS)
                  for name in names)


class Repair(unittest.TestCase):
    def setUp(self):
        self.node, self.host, self.wherry = rig.a, rig.a.host, wherries["node-a"]
        self.serves(rig.a)
        self.serves(rig.b)
        self.before = listings(self.host)
        self.start_of_log = len(self.wherry.log())

    def serves(self, node):
        """From outside, so that the answers need all that brings them back; both protocols and
        families. And from another pod, by an address of another kind."""
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                source = node.outside_source[family]
                outcome = ask_until(lambda each: each.seen == source, rig.outside,
                                    local.balancer_ips[family], PORT, protocol, source=source)
                self.assertEqual((outcome.kind, outcome.seen), (ANSWERED, source),
                                 f"{node.name} {protocol}\n{wherries[node.name].log()[-2000:]}")
        pod = node.pods["ac" if node is rig.a else "bc"]
        outcome = ask_until(lambda each: each.kind == ANSWERED, pod.host, web.cluster_ips[0], PORT)
        self.assertEqual(outcome.kind, ANSWERED, f"{node.name}: from a pod")

    def repairs(self, name):
        return self.wherry.metric(f"wherry_{name}_repairs_total")

    def comes_back(self, *harm, listing, counter="transparent", says):
        """What the command takes away is back at once, counted, said, and of use."""
        count = self.repairs(counter)
        lists = lambda: self.host.run(*listing)  # noqa: E731
        before = lists()
        self.host.run(*harm)
        gone = time.monotonic()
        wait_for(f"what {' '.join(harm)!r} took away is back",
                 lambda: self.repairs(counter) > count, seconds=5, pause=0.005)
        took = time.monotonic() - gone
        self.assertEqual(lists(), before)
        print(f"\n{' '.join(harm)}: back after {took * 1000:.0f} ms", end="", flush=True)
        self.assertLess(took, 5 if is_sanitized() else AT_ONCE)
        self.assertIn(says, self.wherry.log())
        self.assertEqual(differences(self.before, listings(self.host)), [])
        self.serves(self.node)

    def test_R7_routes_of_services(self):
        for family in (0, 1):
            flag, address = f"-{'46'[family]}", web.external_ips[family]
            route = ("table", "local", "exact", address)
            # Others' changes of the last second put off that all is looked at.
            time.sleep(1.2)
            self.comes_back("ip", flag, "route", "del", "table", "local", "local", address,
                            listing=("ip", flag, "route", "show", *route), counter="steering",
                            says='what="routes of Services"')

    def test_R7_rules_of_answers_and_their_routes(self):
        for flag, family in (("-4", "IPv4"), ("-6", "IPv6")):
            says = f'what="the ip rule for answers to clients, {family}"'
            for priority in ("29", "30", "31"):
                self.comes_back("ip", flag, "rule", "del", "priority", priority,
                                listing=("ip", flag, "rule"), says=says)
            # Not flushed: that looks again, and takes away what has come back meanwhile.
            self.comes_back("ip", flag, "route", "del", "table", "87", "local", "default",
                            "dev", "lo", says=says,
                            listing=("ip", flag, "route", "show", "table", "87"))

    def test_R7_filters_at_interfaces_and_their_qdiscs(self):
        says = 'what="tc filters wherry_return at interfaces"'
        listing = ("tc", "filter", "show", "dev", POD, "ingress")
        for harm in (("filter", "del", "dev", POD, "ingress", "prio", "1"),
                     ("filter", "del", "dev", POD, "ingress"),
                     ("qdisc", "del", "dev", POD, "clsact"),
                     ("filter", "replace", "dev", POD, "ingress", "protocol", "all", "prio", "1",
                      "handle", "87", "bpf", "bytecode", "1,6 0 0 4294967295")):
            self.comes_back("tc", *harm, listing=listing, says=says)

    def test_R7_who_takes_away_all_the_time_costs_little(self):
        count, cpu, seconds = self.repairs("transparent"), self.wherry.cpu_seconds(), 3
        foe = self.host.start("sh", "-c", "while :; do ip rule del priority 30 2>/dev/null; done")
        began = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        cpu = self.wherry.cpu_seconds() - cpu
        foe.kill()
        foe.wait()
        repaired = self.repairs("transparent") - count
        print(f"\nremoved in a loop for {took:.1f} s: put back {repaired:.0f} times, "
              f"{cpu / took:.1%} of a core", flush=True)
        self.assertGreater(repaired, 1)
        self.assertLessEqual(repaired, took * 10 + 2)
        self.assertLess(cpu / took, 1 if is_sanitized() else 0.2)
        lines = [line for line in self.wherry.log()[self.start_of_log:].splitlines()
                 if "for answers to clients" in line]
        self.assertLessEqual(len(lines), 2, "\n".join(lines))
        self.serves(self.node)
        self.assertEqual(differences(self.before, listings(self.host)), [])

    def test_R7_what_nobody_tells_of_is_back_within_the_check(self):
        """All at once, so that one check is waited for."""
        other = wherries["node-b"]
        count, others = self.repairs("steering"), other.metric("wherry_transparent_repairs_total")
        nft = ("nft", "list", "table", "inet", "wherry_return")
        before_pins = pins()
        before = rig.b.host.run(*nft)
        time.sleep(1.2)  # what was changed before is looked at until now
        self.host.run("bpftool", "link", "detach", "id", self.link())
        shutil.rmtree(PINS)
        for name in ("arp_ignore", "arp_announce"):
            self.host.sysctl(f"ipv4/conf/{POD}/{name}", 0)
        rig.b.host.run("nft", "delete", "table", "inet", "wherry_return")
        gone = time.monotonic()

        wait_for("all of node a is back", lambda: self.repairs("steering") >= count + 2,
                 seconds=CHECK + 5, pause=0.1)
        wait_for("the table of node b is back", lambda: other.metric(
            "wherry_transparent_repairs_total") > others, seconds=CHECK + 5, pause=0.1)
        print(f"\nwhat only the check sees: back after {time.monotonic() - gone:.1f} s", flush=True)
        self.assertEqual(rig.b.host.run(*nft), before)
        wait_for("the pins of both are back",
                 lambda: pins() == before_pins, seconds=CHECK + 5)
        # The link is another one than it was.
        left = [line for line in differences(self.before, listings(self.host))
                if not line.startswith("bpftool ")]
        self.assertEqual(left, [])
        self.link()
        for what in ("which was detached", "arp_ignore and arp_announce of interfaces"):
            self.assertIn(what, self.wherry.log()[self.start_of_log:])
        self.assertIn("the nftables table wherry_return", other.log())
        self.serves(rig.a)
        self.serves(rig.b)

        # Pins alone: the program goes on, and they are back with the next look, of which any
        # change of the network is a reason.
        number = self.host.run("stat", "-L", "-c", "%i", "/proc/self/ns/net").strip()
        shutil.rmtree(f"{PINS}/netns-{number}")
        self.host.ip("link add nobody type veth peer name none")
        self.addCleanup(self.host.run, "ip", "link", "del", "nobody")
        wait_for("the pins are back", lambda: pins() == before_pins, seconds=CHECK + 5)
        self.assertIn("what is pinned", self.wherry.log()[self.start_of_log:])

    def link(self):
        """The number of the link by which the program is attached on node a; there is one."""
        found = [re.match(r"(\d+):", block)[1]
                 for block in listings(self.host)["bpftool link"].split("\n") if block[:1].isdigit()]
        self.assertEqual(len(found), 1, found)
        return found[0]


if __name__ == "__main__":
    unittest.main()
