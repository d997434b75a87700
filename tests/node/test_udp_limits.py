"""Bounds of UDP flows as operators set them, idle timeouts, and datagrams that are balanced one by one."""
import contextlib
import selectors
import socket
import time
import unittest

from objects import PORT, Service, all_objects
from rig import rig_that_serves
from wherry_node import Wherry, wait_for

SINK_PORT = 8383
ENDED = "wherry_udp_flows_ended_total"
MANY = 12  # addresses of one pod, each of them a client
DATAGRAMS = 40


def setUpModule():
    global rig, dns, brief, log, folder, sources
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    both = [rig.pods["a1"], rig.pods["b1"]]
    dns = Service("dns", 1, both)
    brief = Service("brief", 2, both, annotations={"wherry.io/udp-idle-timeout": "1s"})
    log = Service("log", 3, both, backend_port=SINK_PORT,
                  annotations={"wherry.io/udp-per-datagram": "true"})
    folder = rig.manifests("manifests", all_objects(rig, [dns, brief, log]))
    # A pod of many addresses is many clients.
    sources = [rig.a.pod_addresses(101 + i) for i in range(MANY)]
    pod = rig.pods["ac"].host
    pod.ip(*(f"addr add {four}/32 dev eth0" for four, _ in sources),
           *(f"addr add {six}/128 dev eth0 preferred_lft 0" for _, six in sources))
    rig.a.host.ip(*(f"route add {address} dev pod-ac" for pair in sources for address in pair))


class Client:
    """A socket of the pod ac that asks, and wants its answer."""

    def __init__(self, test, to, source="", port=PORT):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with rig.pods["ac"].host.inside():
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.settimeout(2)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((to, port))
        self.asked = 0

    def ask(self):
        """Who answered, and whom it saw."""
        self.asked += 1
        question = f"question {self.asked}".encode()
        self.socket.send(question)
        line, _, rest = self.socket.recv(1000).partition(b"\n")
        assert rest == question, (line, rest)
        return line.decode().split(" ")


class Limits(unittest.TestCase):
    def start(self, *arguments):
        # One worker: what each of several may have is a part of what is given.
        self.wherry = Wherry(rig, rig.a, "--workers", "1", *arguments, manifests=folder)
        self.addCleanup(self.wherry.close)

    def ended(self):
        """By reason, where there are any."""
        found = {}
        for line in self.wherry.get("/metrics")[1].splitlines():
            if line.startswith(ENDED + "{"):
                name, _, value = line.rpartition(" ")
                if float(value):
                    found[name.split('"')[1]] = int(float(value))
        return found

    def active(self):
        return self.wherry.metric("wherry_udp_flows_active")

    def test_more_flows_than_the_limit_push_out_the_one_that_is_idle_for_longest(self):
        for family in (0, 1):
            with self.subTest(family=family):
                self.start("--max-udp-flows", "8")
                self.assertEqual(self.wherry.metric("wherry_udp_flows_limit"), 8)
                clients = [Client(self, dns.cluster_ips[family], pair[family]) for pair in sources]
                first = clients[0].ask()[0]
                for each in clients[1:8]:
                    each.ask()
                self.assertEqual((self.active(), self.ended()), (8, {}))
                self.assertEqual(clients[0].ask()[0], first)  # in use again: others are older now
                for each in clients[8:]:
                    each.ask()
                self.assertEqual((self.active(), self.ended()), (8, {"flow_limit": MANY - 8}))
                self.assertEqual(clients[0].ask()[0], first)
                self.assertEqual(self.ended(), {"flow_limit": MANY - 8})
                clients[1].ask()  # it was pushed out, and begins anew
                self.assertEqual(self.ended(), {"flow_limit": MANY - 8 + 1})
                self.assertEqual(self.wherry.stop(), 0)

    def test_a_client_address_that_has_its_part_gives_up_its_own_oldest(self):
        for family in (0, 1):
            with self.subTest(family=family):
                self.start("--max-udp-flows-per-source", "4")
                other = Client(self, dns.cluster_ips[family], sources[1][family])
                others_backend = other.ask()[0]
                greedy = [Client(self, dns.cluster_ips[family], sources[0][family])
                          for _ in range(10)]
                for each in greedy:
                    each.ask()
                self.assertEqual((self.active(), self.ended()), (5, {"source_limit": 6}))
                # Whoever is within its part, and the newest of the other, go on as they were.
                self.assertEqual(other.ask()[0], others_backend)
                for each in greedy[-4:]:
                    each.ask()
                self.assertEqual(self.ended(), {"source_limit": 6})
                self.assertEqual(self.wherry.stop(), 0)

    def test_an_idle_flow_ends_after_its_Services_own_timeout(self):
        for family in (0, 1):
            self.start()
            stays = Client(self, dns.cluster_ips[family])
            goes = Client(self, brief.cluster_ips[family])
            stays.ask()
            began = time.monotonic()
            goes.ask()
            self.assertEqual((self.active(), self.ended()), (2, {}))
            wait_for("the flow has ended", lambda: self.ended() == {"idle_timeout": 1}, seconds=5)
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertEqual(self.active(), 1)
            # What moves is not idle, and what has gone begins anew.
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                goes.ask()
                time.sleep(0.2)  # the pace of a client that is not idle
            self.assertEqual((self.active(), self.ended()),
                             (2, {"idle_timeout": 1}))
            self.assertEqual(self.wherry.stop(), 0)


class PerDatagram(unittest.TestCase):
    def sinks(self, family):
        """A socket in each backend, by the backend's name."""
        found = {}
        for name in ("a1", "b1"):
            pod = rig.pods[name]
            with pod.host.inside():
                found[name] = socket.socket((socket.AF_INET, socket.AF_INET6)[family],
                                            socket.SOCK_DGRAM)
            self.addCleanup(found[name].close)
            found[name].bind((pod.addresses[family], SINK_PORT))
        return found

    def test_one_clients_datagrams_are_spread_and_come_from_the_node(self):
        wherry = Wherry(rig, rig.a, manifests=folder)
        self.addCleanup(wherry.close)
        for family in (0, 1):
            sinks = self.sinks(family)
            client = Client(self, log.cluster_ips[family])
            got = {name: [] for name in sinks}
            with selectors.DefaultSelector() as selector:
                for name, sink in sinks.items():
                    selector.register(sink, selectors.EVENT_READ, name)
                for i in range(DATAGRAMS):
                    client.socket.send(f"line {i}".encode())
                end = time.monotonic() + 5
                while sum(map(len, got.values())) < DATAGRAMS and time.monotonic() < end:
                    for key, _ in selector.select(0.1):
                        data, source = key.fileobj.recvfrom(1000)
                        got[key.data].append((data, source[0]))
                        key.fileobj.sendto(b"an answer that nobody awaits", source)
            lines = sorted(data for each in got.values() for data, _ in each)
            self.assertEqual(lines, sorted(f"line {i}".encode() for i in range(DATAGRAMS)))
            # Round robin, exactly even where one worker carries them all.
            for name, each in got.items():
                self.assertGreaterEqual(len(each), DATAGRAMS // 4, name)
            self.assertEqual({source for each in got.values() for _, source in each},
                             {rig.a.addresses[family]})
            self.assertEqual(wherry.metric("wherry_udp_flows_active"), 0)
            client.socket.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                self.fail(f"an answer: {client.socket.recv(1000)}")


if __name__ == "__main__":
    unittest.main()
