"""Killed and started again, stopped, cleaned up after; interfaces that come later."""
import os
import json
import subprocess
import time
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, SILENCE, Probe, ask, ask_all, ask_until
from rig import PEER, rig_that_serves
from snapshot import differences, listings
from wherry_node import Wherry, is_sanitized, wait_for

# WHERRY_NODE_GAP_MS: where a busy machine's clock is no judge.
GAP_MS = 3000 if is_sanitized() else float(os.environ.get("WHERRY_NODE_GAP_MS", "100"))


# What becomes of who was being carried.
CUT = {"after connecting: Connection reset by peer", "ended without an answer", "no answer"}


def setUpModule():
    global rig, web, local, folder
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    web = Service("web", 1, [rig.pods["a1"], rig.pods["b1"]])
    local = Service("local", 2, [rig.pods["a1"], rig.pods["b1"]], external="Local")
    folder = rig.manifests("manifests", all_objects(rig, [web, local]))


class Restart(unittest.TestCase):
    arguments = ()
    prefix = ()
    sees_clients = True  # whether backends see a client's own address
    most_gap_ms = GAP_MS
    free_addresses = SILENCE  # what those of the service CIDRs are that no Service has (E10)

    def setUp(self):
        self.before = listings(rig.a.host)
        self.wherry = Wherry(rig, rig.a, *self.arguments, manifests=folder, prefix=self.prefix)
        self.addCleanup(self.clean_up)
        self.serves()

    def clean_up(self):
        self.wherry.kill()
        self.wherry.command("cleanup", "--run-dir", self.wherry.run_folder)

    def serves(self):
        for address, protocol in ((web.cluster_ips[0], "TCP"), (web.cluster_ips[1], "UDP"),
                                  (local.balancer_ips[0], "TCP")):
            outcome = ask_until(lambda each: each.kind == ANSWERED, rig.pods["ac"].host, address,
                                PORT, protocol)
            self.assertEqual(outcome.kind, ANSWERED, f"{address} {protocol}\n{self.wherry.log()[-2000:]}")

    def leaves_nothing(self):
        self.assertEqual(differences(self.before, listings(rig.a.host)), [])

    def test_R4_a_stop_leaves_nothing(self):
        self.assertNotEqual(differences(self.before, listings(rig.a.host)), [])
        self.assertEqual(self.wherry.stop(), 0, self.wherry.log()[-2000:])
        self.leaves_nothing()

    def test_R5_cleanup_after_a_crash_leaves_nothing(self):
        self.wherry.kill()
        self.assertNotEqual(differences(self.before, listings(rig.a.host)), [])
        code, output, errors = self.wherry.command("cleanup", "--run-dir", self.wherry.run_folder)
        self.assertEqual(code, 0, output + errors)
        self.leaves_nothing()
        code, output, errors = self.wherry.command("cleanup", "--run-dir", self.wherry.run_folder)
        self.assertEqual(code, 0, "with nothing left: " + output + errors)

    def test_R5_cleanup_without_the_record_leaves_nothing_but_how_ARP_is_handled(self):
        self.wherry.kill()
        code, output, errors = self.wherry.command(
            "cleanup", "--run-dir", os.path.join(rig.folder.name, "elsewhere"))
        self.assertEqual(code, 0, output + errors)
        left = differences(self.before, listings(rig.a.host))
        self.assertEqual([each for each in left if "arp" not in each], [])

    def test_R5_cleanup_leaves_a_running_one_alone(self):
        code, _, _ = self.wherry.command("cleanup", "--run-dir", self.wherry.run_folder)
        self.assertNotEqual(code, 0)
        self.serves()

    def test_R4_killed_and_started_again_it_is_away_for_a_moment_only(self):
        load = rig.pods["ac"].host.start(PEER, "connect", f"{web.cluster_ips[0]}:{PORT}",
                                         "--seconds", "4", "--every-us", "1000",
                                         stdout=subprocess.PIPE, text=True)
        time.sleep(1.5)  # the load has a time of its own before and after
        self.wherry.kill()
        gone = time.monotonic()
        self.wherry.start()
        found = json.loads(load.communicate(timeout=30)[0])
        print(f"\nkill -9 and start again: {found['longest_gap_ms']:.0f} ms without a new "
              f"connection; {found['answered']} answered, failed: {found['counts']}, of which were "
              f"being carried when it was killed: {len(found['cut'])}", flush=True)
        # What a process carries, or has in its sockets' queues, ends with it. Who comes later is
        # refused until somebody listens, and then carried: nobody is connected in vain.
        self.assertEqual([each - gone for each in found["cut"] if each > gone], [])
        self.assertEqual(set(found["counts"]) - CUT, {"Connection refused"}, found["counts"])
        self.wherry.wait_ready()
        self.serves()
        outcome = ask(rig.outside, local.balancer_ips[0], PORT, source=rig.a.outside_source[0])
        self.assertEqual(outcome.seen, rig.a.outside_source[0] if self.sees_clients else
                         rig.a.addresses[0])
        self.assertLess(found["longest_gap_ms"], self.most_gap_ms)

    def test_what_a_crashed_one_left_is_taken_over_and_what_is_not_wanted_any_more_goes(self):
        self.wherry.kill()
        rig.write(folder, all_objects(rig, [local]))
        self.addCleanup(rig.write, folder, all_objects(rig, [web, local]))
        self.wherry.start()
        self.wherry.wait_ready()
        self.assertEqual(ask_until(lambda each: each.kind == self.free_addresses,
                                   rig.pods["ac"].host, web.cluster_ips[0], PORT).kind,
                         self.free_addresses)
        routes = rig.a.host.run("ip", "route", "show", "table", "all")
        self.assertNotIn(web.external_ips[0], routes)
        self.assertIn(local.external_ips[0], routes)
        self.assertEqual(ask(rig.pods["ac"].host, local.cluster_ips[0], PORT).kind, ANSWERED)
        self.assertEqual(self.wherry.stop(), 0)
        self.leaves_nothing()

    def test_interfaces_that_come_later_carry_too(self):
        pod = rig.host("late-pod")
        node = rig.a
        addresses = node.pod_addresses(99)
        mac = node.mac(99)
        node.host.ip(f"link add pod-late address {mac} type veth peer name eth0 netns {pod.path}",
                     "link set pod-late up", f"route add {addresses[0]} dev pod-late",
                     f"route add {addresses[1]} dev pod-late")
        self.addCleanup(node.host.run, "ip", "link", "del", "pod-late")
        pod.ip("link set lo up", "link set eth0 up", f"addr add {addresses[0]}/32 dev eth0",
               f"addr add {addresses[1]}/128 dev eth0",
               f"neigh add 169.254.1.1 lladdr {mac} dev eth0 nud permanent",
               f"neigh add fe80::1 lladdr {mac} dev eth0 nud permanent",
               "route add 169.254.1.1 dev eth0 scope link",
               "route add default via 169.254.1.1 dev eth0", "route add ::/0 via fe80::1 dev eth0")
        for family in (0, 1):
            for protocol in ("TCP", "UDP"):
                seen = addresses[family] if self.sees_clients else node.addresses[family]
                outcome = ask_until(lambda each: each.seen == seen, pod, web.cluster_ips[family],
                                    PORT, protocol)
                self.assertEqual((outcome.kind, outcome.seen), (ANSWERED, seen))
        outcomes = ask_all([Probe(pod, web.cluster_ips[0], PORT)] * 10, patience=1)
        self.assertEqual({each.kind for each in outcomes}, {ANSWERED})


class RestartWithNft(Restart):
    """The same where one nftables rule brings the answers back."""
    arguments = ("--transparent", "nft")

    def test_the_rule_is_there_and_no_program_at_the_interfaces(self):
        added = differences(self.before, listings(rig.a.host))
        self.assertEqual([each for each in added if each.startswith("tc:")], [])
        self.assertTrue(any("wherry_return" in each for each in added), added)


if __name__ == "__main__":
    unittest.main()
