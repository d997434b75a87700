"""kube-proxy itself (nftables mode) and wherry, with the same API server and Services: each in its turn
on the same nodes, what each answers, and how fast; and both at once, each with Services of its own."""
import json
import os
import statistics
import unittest

from cluster import Cluster
from combos import ask_everything, print_summary, services_of, wrong_ones
from expectations import (CLUSTER_IP, LOOPBACK, NODE, POD, Expected, deciding_node, expected,
                          print_table)
from objects import PORT, Service
from probes import ANSWERED, REFUSED, SILENCE, ask_until
from rig import CLUSTER_CIDRS, PEER, rig_that_serves
from wherry_node import both_nodes, is_sanitized, wait_for

KUBE_PROXY = os.environ["WHERRY_KUBE_PROXY"]
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
ROUNDS = int(os.environ.get("WHERRY_NODE_ROUNDS", "3"))
CONFIG = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {{kubeconfig: {kubeconfig}}}
hostnameOverride: {node}
clusterCIDR: {cidrs}
nodePortAddresses: [0.0.0.0/0, "::/0"]
metricsBindAddress: 127.0.0.1:10249
healthzBindAddress: 127.0.0.1:10256
nftables: {{syncPeriod: 30s, minSyncPeriod: 100ms}}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
"""


def config_of(node, kubeconfig):
    """A file with kube-proxy's configuration for a node."""
    name = os.path.join(rig.folder.name, f"kube-proxy-{node.name}.yaml")
    with open(name, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(kubeconfig=kubeconfig, node=node.name,
                                 cidrs=",".join(CLUSTER_CIDRS)))
    return name


class KubeProxy:
    """kube-proxy on one node."""

    def __init__(self, rig, node, kubeconfig):
        self.rig, self.node = rig, node
        self.config = config_of(node, kubeconfig)
        self.log_name = self.config + ".log"
        with open(self.log_name, "w", encoding="utf-8") as log:
            self.process = node.host.start(KUBE_PROXY, "--config", self.config, stdout=log,
                                           stderr=log)

    def log(self):
        with open(self.log_name, encoding="utf-8") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.node.host.run(KUBE_PROXY, "--cleanup", "--config", self.config, check=False)


def setUpModule():
    global rig, cluster, services
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup, control=True)
    cluster = Cluster(rig)
    unittest.addModuleCleanup(cluster.close)
    services = services_of(rig)
    for service in services:
        cluster.put_service(service)


def start_kube_proxy():
    return [KubeProxy(rig, node, cluster.kubeconfig()) for node in rig.nodes.values()]


def start_wherry():
    """With kube-proxy's own configuration and nothing else: by it `auto` takes the node's traffic."""
    return list(both_nodes(
        rig, None, steering="auto", service_cidrs=(),
        arguments_of=lambda node: ("--config", config_of(node, cluster.kubeconfig()))).values())


def of_kube_proxy(rig, combination):
    """Where kube-proxy differs from expected(): no NodePort at loopback (F3), the node's address for
    all that comes to an external address under policy Cluster (E7), and what F7 says about pods of
    another node, whose replies do not come back the way they went."""
    want = expected(rig, combination)
    if combination.destination == LOOPBACK:
        return Expected(REFUSED)
    is_sent_by_node = combination.client.is_a == NODE and combination.protocol == "UDP"
    if want.kind != ANSWERED and is_sent_by_node:
        return NotSent(want.kind)
    if want.kind != ANSWERED or combination.destination == CLUSTER_IP:
        return want
    family = combination.family
    node = rig.nodes[deciding_node(combination)]
    if combination.service.external == "Cluster":
        seen = node.addresses[family]
    elif combination.client.is_a == POD:
        seen = combination.client.addresses[family]
        if combination.client.node != node.name:
            return Either(ANSWERED, want.backends, tuple((each, seen) for each in want.backends))
    else:
        return want
    return Expected(ANSWERED, want.backends, tuple((each, seen) for each in want.backends))


class Either(Expected):
    """Answered as said, or not at all."""

    def admits(self, outcome):
        return outcome.kind != ANSWERED or super().admits(outcome)

    def __str__(self):
        return super().__str__() + ", or nothing"


class NotSent(Expected):
    """A host's own datagram that nftables stops on its way out fails with EPERM."""

    def admits(self, outcome):
        return outcome.kind in (self.kind, "EPERM")


EXPECTED = {"kube-proxy": of_kube_proxy, "wherry": expected}
STARTERS = {"kube-proxy": start_kube_proxy, "wherry": start_wherry}


def up(who):
    """Started, and serving the last Service that has endpoints on both nodes."""
    running = STARTERS[who]()
    service = [each for each in services if each.backends][-1]
    try:
        for host in (rig.pods["ac"].host, rig.pods["bc"].host):
            wait_for(f"{who} serves", lambda: ask_until(
                lambda each: each.kind == ANSWERED, host, service.cluster_ips[0], PORT,
                seconds=0).kind == ANSWERED, seconds=60)
    except AssertionError as error:
        logs = "\n".join(each.log()[-2000:] for each in running)
        down(running)
        raise AssertionError(f"{error}\n{logs}") from None
    return running


def down(running):
    for each in running:
        each.close()
    for node in rig.nodes.values():  # what the one knew of connections is not the other's start
        node.host.run("nft", "flush", "ruleset")


def of_both(rig, combination):
    """What is labelled is wherry's, all else kube-proxy's. But what a node itself sends to a clusterIP
    kube-proxy's mode nftables drops where it does not know it (its chain cluster-ips-check)."""
    if PROXY_NAME not in combination.service.labels:
        return of_kube_proxy(rig, combination)
    if combination.client.is_a == NODE and combination.destination == CLUSTER_IP:
        return NotSent(SILENCE) if combination.protocol == "UDP" else Expected(SILENCE)
    return expected(rig, combination)


class Beside(unittest.TestCase):
    """Both on each node, wherry for one service-proxy-name. The API server names the Services' blocks in
    a ServiceCIDR, and none of them is wherry's alone."""

    def setUp(self):
        self.wherrys, self.running = [], []
        self.addCleanup(lambda: down(self.running + self.wherrys))
        self.running += start_kube_proxy()
        self.theirs = [each for each in services if each.name in
                       ("cluster-cluster-both", "cluster-cluster-none")]
        for host in (rig.pods["ac"].host, rig.pods["bc"].host):
            wait_for("kube-proxy serves", lambda: ask_until(
                lambda each: each.kind == ANSWERED, host, self.theirs[0].cluster_ips[0], PORT,
                seconds=0).kind == ANSWERED, seconds=60)
        self.wrong_ports_alone = self.wrong_ports()
        labels = {PROXY_NAME: "rig"}
        self.ours = [Service("ours", 40, [rig.pods["a1"], rig.pods["b1"]], labels=labels),
                     Service("ours-none", 41, labels=labels)]
        for service in self.ours:
            cluster.put_service(service)
        self.wherrys += both_nodes(
            rig, None, "--kubeconfig", cluster.kubeconfig(), "--cluster-cidr",
            ",".join(CLUSTER_CIDRS), "--service-proxy-name", "rig", "--healthz-bind-address",
            "0.0.0.0:10356", admin="127.0.0.1:10349", service_cidrs=()).values()

    def wrong_ports(self):
        """What becomes of other ports of kube-proxy's clusterIPs."""
        host = rig.pods["ac"].host
        return [ask_until(lambda each: each.kind == REFUSED, host, address, PORT + 1, seconds=2).kind
                for service in self.theirs for address in service.cluster_ips]

    def test_each_serves_its_own(self):
        both = self.theirs + self.ours
        found = ask_everything(rig, both, of_both, all_pods_count=True)
        print_table(rig, both, found)
        self.assertEqual(wrong_ones(rig, found, wanted_of=of_both), "")

        with self.subTest("what is wrong about kube-proxy's addresses is kube-proxy's to say"):
            self.assertEqual(self.wrong_ports(), self.wrong_ports_alone)
            self.assertIn(REFUSED, self.wrong_ports_alone)
        with self.subTest("and explain says nothing about them"):
            node = self.wherrys[0]
            for port in (PORT, PORT + 1):
                verdict, _, _ = node.explain("pod", self.theirs[0].cluster_ips[0], port, "TCP")
                self.assertEqual(verdict, "no explanation (404)")
            verdict, _, _ = node.explain("pod", self.ours[1].cluster_ips[0], PORT, "TCP")
            self.assertEqual(verdict, "reject")
        with self.subTest("each address of wherry's has a route of its own"):
            own = [address for each in self.ours for address in
                   (*each.cluster_ips, *each.external_ips, *each.balancer_ips)]
            for family, flag in enumerate(("-4", "-6")):
                listed = rig.a.host.run("ip", flag, "-json", "route", "show", "table", "local",
                                        "proto", "87")
                self.assertEqual({each["dst"] for each in json.loads(listed)},
                                 {each for each in own if (":" in each) == bool(family)})
        for each in self.wherrys:
            self.assertEqual(each.stop(), 0)
        with self.subTest("kube-proxy's rules are as they were once wherry is gone"):
            found = ask_everything(rig, self.theirs, of_kube_proxy, all_pods_count=True)
            self.assertEqual(wrong_ones(rig, found, wanted_of=of_kube_proxy), "")


class SideBySide(unittest.TestCase):
    def test_what_each_answers(self):
        found = {}
        for who in STARTERS:
            running = up(who)
            found[who] = ask_everything(rig, services, EXPECTED[who], all_pods_count=True)
            if who == "wherry":
                for each in running:
                    self.assertEqual(each.stop(), 0)
            down(running)
            print(f"\n===== {who}")
            print_table(rig, services, found[who])
            print_summary(rig, found[who], EXPECTED[who])
        for who, wanted_of in EXPECTED.items():
            with self.subTest(who=who):
                self.assertEqual(wrong_ones(rig, found[who], wanted_of=wanted_of), "")

    def test_rate_and_latency(self):
        here = next(each for each in services if each.name == "cluster-cluster-a")
        there = next(each for each in services if each.name == "cluster-cluster-b")
        pod = rig.pods["ac"].host
        ways = {"pod -> backend here": (pod, f"{here.cluster_ips[0]}:{PORT}"),
                "pod -> backend there": (pod, f"{there.cluster_ips[0]}:{PORT}"),
                "outside -> NodePort": (rig.outside, f"{rig.a.addresses[0]}:{here.node_port}"),
                "pod -> backend, direct": (pod, f"{rig.pods['a1'].addresses[0]}:8080")}
        found, failed = {}, {}
        for _ in range(ROUNDS):
            for who in STARTERS:
                running = up(who)
                for way, (host, to) in ways.items():
                    rate = json.loads(host.run(PEER, "connect", to, "--seconds", "1", "--parallel",
                                               "8"))
                    alone = json.loads(host.run(PEER, "connect", to, "--seconds", "1"))
                    udp = json.loads(host.run(PEER, "ask", to, "--seconds", "1", "--clients", "100",
                                              "--every-us", "200"))
                    found.setdefault((way, who), []).append(
                        (rate["per_second"], alone["p50_us"], alone["p99_us"], udp["p50_us"]))
                    # Also where nobody is in the way some wait too long, and of kube-proxy's.
                    for outcome, count in rate["counts"].items():
                        failed[way, who, outcome] = failed.get((way, who, outcome), 0) + count
                down(running)
        print(f"\n{ROUNDS} rounds in turn; median (least to most). Connections are new ones, with "
              f"answer and end; latency of one at a time; UDP at 5,000/s"
              f"{'; wherry with sanitizers' if is_sanitized() else ''}")
        print(f"{'':24}{'':12}{'connections/s':>26}{'p50 us':>24}{'p99 us':>26}{'UDP p50 us':>26}")
        for (way, who), rows in sorted(found.items()):
            line = f"{way:24}{who:12}"
            for column, width in zip(zip(*rows), (26, 24, 26, 26)):
                line += (f"  {statistics.median(column):.0f} ({min(column):.0f} to {max(column):.0f})"
                         .rjust(width))
            print(line, flush=True)
        print(f"not answered: {failed}")
        self.assertEqual([each for each in failed if each[1] == "wherry" and "direct" not in each[0]],
                         [])


if __name__ == "__main__":
    unittest.main()
