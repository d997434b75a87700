"""Asks from many hosts at once, over TCP and UDP, and says what came of it. One thread, no patience
longer than told: a socket belongs to the namespace that it was made in, whoever waits for it."""
import errno
import os
import selectors
import socket
import time
from dataclasses import dataclass

REFUSED, SILENCE, ANSWERED = "refused", "silence", "answered"


@dataclass(frozen=True)
class Probe:
    host: object  # hosts.Host that asks
    to: str
    port: int
    protocol: str = "TCP"
    source: str = ""  # the address to ask from; empty: the kernel's choice

    def __str__(self):
        return f"{self.host} -> [{self.to}]:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Outcome:
    kind: str  # ANSWERED; REFUSED: at connect(), or by ICMP; SILENCE; anything else is an error's name
    backend: str = ""
    seen: str = ""  # the address that the backend saw

    def __str__(self):
        return f"{self.backend} saw {self.seen}" if self.kind == ANSWERED else self.kind


class Asking:
    """One probe on its way."""

    def __init__(self, probe, patience):
        self.probe = probe
        self.outcome = None
        self.connected = False
        self.text = b""
        self.nonce = os.urandom(8).hex().encode()
        self.deadline = time.monotonic() + patience
        family = socket.AF_INET6 if ":" in probe.to else socket.AF_INET
        kind = socket.SOCK_STREAM if probe.protocol == "TCP" else socket.SOCK_DGRAM
        with probe.host.inside():
            self.socket = socket.socket(family, kind)
        self.socket.setblocking(False)
        try:
            if probe.source:
                self.socket.bind((probe.source, 0))
            code = self.socket.connect_ex((probe.to, probe.port))
            if code not in (0, errno.EINPROGRESS):
                self.fail(code)
            elif probe.protocol == "UDP":
                self.socket.send(self.nonce)
        except OSError as error:
            self.fail(error.errno)

    @property
    def waits_for(self):
        is_connecting = self.probe.protocol == "TCP" and not self.connected
        return selectors.EVENT_WRITE if is_connecting else selectors.EVENT_READ

    def fail(self, code):
        if code == errno.ECONNREFUSED:
            # After it was connected this would be a reset, and no refusal.
            self.outcome = Outcome(REFUSED)
        else:
            name = errno.errorcode.get(code, str(code))
            self.outcome = Outcome(f"{name} after connecting" if self.connected else name)

    def go_on(self):
        try:
            if self.probe.protocol == "UDP":
                self.take_datagram(self.socket.recv(65536))
            elif not self.connected:
                code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    self.fail(code)
                else:
                    self.connected = True
                    self.deadline += 3  # to a machine with much to do a carried byte is slow
            else:
                self.take_bytes(self.socket.recv(4096))
        except BlockingIOError:
            pass
        except OSError as error:
            self.fail(error.errno)

    def take_datagram(self, datagram):
        line, _, rest = datagram.partition(b"\n")
        if rest != self.nonce:
            self.outcome = Outcome(f"an answer to another question: {datagram[:80]!r}")
            return
        self.take_line(line)

    def take_bytes(self, piece):
        self.text += piece
        if not piece:
            if self.text.endswith(b"\n"):
                self.take_line(self.text.strip())
            else:
                self.outcome = Outcome(f"ended after {self.text[:80]!r}")

    def take_line(self, line):
        name, _, seen = line.decode(errors="replace").partition(" ")
        self.outcome = Outcome(ANSWERED, name, seen.rpartition(":")[0].strip("[]"))

    def out_of_time(self):
        self.outcome = Outcome("connected, and no answer" if self.connected else SILENCE)


def ask_all(probes, patience=0.3, parallel=150):
    """The outcome of each, in order. `parallel` bounds what a slow machine is asked at once."""
    askings = []
    waiting = iter(probes)
    running = set()
    with selectors.DefaultSelector() as selector:

        def finish(asking, registered=True):
            if registered:
                selector.unregister(asking.socket)
            asking.socket.close()
            running.discard(asking)

        more = True
        while more or running:
            while more and len(running) < parallel:
                probe = next(waiting, None)
                if probe is None:
                    more = False
                    break
                asking = Asking(probe, patience)
                askings.append(asking)
                if asking.outcome:
                    finish(asking, registered=False)
                    continue
                running.add(asking)
                selector.register(asking.socket, asking.waits_for, asking)
            if not running:
                continue
            pause = min(asking.deadline for asking in running) - time.monotonic()
            ready = selector.select(max(pause, 0))
            for key, _ in ready:
                asking, before = key.data, key.data.waits_for
                asking.go_on()
                if asking.outcome:
                    finish(asking)
                elif asking.waits_for != before:
                    selector.modify(asking.socket, asking.waits_for, asking)
            if ready:
                continue  # what came while this process was not looking counts before any deadline
            now = time.monotonic()
            for asking in [each for each in running if each.deadline <= now]:
                asking.out_of_time()
                finish(asking)
    return [asking.outcome for asking in askings]


def ask(*arguments, patience=0.3, **fields):
    """One probe's outcome."""
    return ask_all([Probe(*arguments, **fields)], patience)[0]


def ask_until(wanted, *arguments, seconds=5, **fields):
    """Asks again until the outcome is as wanted(outcome) says; the last outcome."""
    deadline = time.monotonic() + seconds
    while True:
        outcome = ask(*arguments, **fields)
        if wanted(outcome) or time.monotonic() > deadline:
            return outcome
