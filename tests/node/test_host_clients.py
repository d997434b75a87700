"""A process of the node itself is a client with the node's address, never with the VIP that it asks.

What backends see can't tell, for wherry asks them from the node's address in any case. So they are
told who the client was: by the PROXY header, which names whom wherry has seen.
"""
import contextlib
import ipaddress
import selectors
import socket
import struct
import threading
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, Probe, ask_all, ask_until
from rig import SERVICE_CIDRS, Rig
from test_fallbacks import NO_BPF
from wherry_node import Wherry

TOLD_PORT = 8282  # where the backend is that expects a PROXY header
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def read_header(data):
    """(client, whom it asked, the rest) of a PROXY header of version 2; none where there is none."""
    if len(data) < 16 or not data.startswith(SIGNATURE) or data[12] != 0x21:
        return None
    length = struct.unpack("!H", data[14:16])[0]
    size = {1: 4, 2: 16}.get(data[13] >> 4)
    if size is None or length < 2 * size + 4 or len(data) < 16 + length:
        return None
    client, asked = (str(ipaddress.ip_address(data[16 + i * size:16 + (i + 1) * size]))
                     for i in (0, 1))
    return client, asked, data[16 + length:]


class ToldBackend:
    """Answers with what the header says: as its name the address that was asked, then the client."""

    def __init__(self, pod):
        self.selector = selectors.DefaultSelector()
        self.running = True
        for address in pod.addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with pod.host.inside():
                    at = socket.socket(family, kind)
                at.bind((address, TOLD_PORT))
                if kind == socket.SOCK_STREAM:
                    at.listen(64)
                self.selector.register(at, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.running:
            for key, _ in self.selector.select(0.1):
                with contextlib.suppress(OSError):  # whoever asked has gone
                    self.answer(key.fileobj)

    @staticmethod
    def answer(at):
        if at.type == socket.SOCK_DGRAM:
            data, client = at.recvfrom(65536)
            found = read_header(data)
            if found:
                at.sendto(f"{found[1]} [{found[0]}]:0\n".encode() + found[2], client)
            return
        connection, _ = at.accept()
        with connection:
            connection.settimeout(5)
            data = b""
            while not (found := read_header(data)):
                piece = connection.recv(4096)
                if not piece:
                    return
                data += piece
            connection.sendall(f"{found[1]} [{found[0]}]:0\n".encode())

    def close(self):
        self.running = False
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def setUpModule():
    global rig, told, folder
    rig = Rig()
    unittest.addModuleCleanup(rig.close)
    backend = ToldBackend(rig.pods["a1"])
    unittest.addModuleCleanup(backend.close)
    told = Service("told", 1, [rig.pods["a1"]], backend_port=TOLD_PORT,
                   annotations={"wherry.io/proxy-protocol": "v2"})
    folder = rig.manifests("manifests", all_objects(rig, [told]))


class HostClients(unittest.TestCase):
    def seen_with_the_nodes_address(self, **options):
        wherry = Wherry(rig, rig.a, manifests=folder, **options)
        self.addCleanup(wherry.close)
        wanted = []
        for family in (0, 1):
            node, pod = rig.a.addresses[family], rig.pods["ac"]
            loopback = ("127.0.0.1", "::1")[family]
            for protocol in ("TCP", "UDP"):
                ways = [(told.cluster_ips[family], PORT, node),
                        (told.external_ips[family], PORT, node),
                        (told.balancer_ips[family], PORT, node), (node, told.node_port, node),
                        (loopback, told.node_port, loopback)]
                wanted += [(Probe(rig.a.host, address, port, protocol), seen)
                           for address, port, seen in ways]
                # That the header tells whom wherry saw, and not always the node.
                wanted.append((Probe(pod.host, told.cluster_ips[family], PORT, protocol),
                               pod.addresses[family]))
        for probe, _ in wanted:
            ask_until(lambda each: each.kind == ANSWERED, probe.host, probe.to, probe.port,
                      probe.protocol)
        for (probe, seen), outcome in zip(wanted, ask_all([each for each, _ in wanted],
                                                          patience=1.5)):
            with self.subTest(probe=str(probe)):
                self.assertEqual((outcome.kind, outcome.backend, outcome.seen),
                                 (ANSWERED, probe.to, seen))
        self.assertEqual(wherry.stop(), 0, wherry.log()[-2000:])
        return wherry.log()

    def test_where_a_route_leads_a_block_of_addresses(self):
        self.seen_with_the_nodes_address(service_cidrs=SERVICE_CIDRS)

    def test_where_each_address_has_a_route_of_its_own(self):
        self.seen_with_the_nodes_address(service_cidrs=())

    def test_without_BPF(self):
        log = self.seen_with_the_nodes_address(prefix=NO_BPF)
        self.assertRegex(log, "CAP_BPF")


if __name__ == "__main__":
    unittest.main()
