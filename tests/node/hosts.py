"""Hosts on one machine: network namespaces that only this process knows, and links between them.

A namespace is a descriptor of this process and of nothing else. It has no name on the machine, and
goes with the process, whatever ended that; so do links, addresses, routes and what is attached in
it. run.sh starts every suite in namespaces of its own besides, so that a bug here reaches nothing.
"""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def this_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def mortal(*command):
    """The command, to be killed with whoever started it, however that ended."""
    return ["setpriv", "--pdeathsig", "KILL", *command]


class Host:
    """A network namespace. Sockets and programs made `inside()` are in it for ever."""

    def __init__(self, name, forwards=False):
        self.name = name
        self.processes = []
        home = this_namespace()
        try:
            checked(libc.unshare(CLONE_NEWNET))
            self.fd = this_namespace()
        finally:
            checked(libc.setns(home, CLONE_NEWNET))
            os.close(home)
        # Addresses count at once: nobody else has them.
        self.sysctl("ipv6/conf/all/accept_dad", 0)
        self.sysctl("ipv6/conf/default/accept_dad", 0)
        self.sysctl("ipv6/conf/default/accept_ra", 0)
        # What no route can be found for is told at once, however often: a test asks often.
        self.sysctl("ipv4/icmp_ratelimit", 0)
        self.sysctl("ipv6/icmp/ratelimit", 0)
        with contextlib.suppress(OSError):  # of the namespace since Linux 6.13, of the machine before
            self.sysctl("ipv4/icmp_msgs_per_sec", 1000000)
        if forwards:
            self.sysctl("ipv4/ip_forward", 1)
            self.sysctl("ipv6/conf/all/forwarding", 1)
            self.sysctl("ipv6/conf/default/forwarding", 1)

    def __repr__(self):
        return self.name

    @property
    def path(self):
        """What `ip link ... netns` takes."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextlib.contextmanager
    def inside(self):
        """Within it this thread is in the namespace."""
        before = this_namespace()
        checked(libc.setns(self.fd, CLONE_NEWNET))
        try:
            yield
        finally:
            checked(libc.setns(before, CLONE_NEWNET))
            os.close(before)

    def sysctl(self, key, value=None):
        """Sets net.KEY (with slashes); without a value returns it."""
        with self.inside():
            if value is None:
                with open("/proc/sys/net/" + key, encoding="ascii") as file:
                    return file.read().strip()
            with open("/proc/sys/net/" + key, "w", encoding="ascii") as file:
                file.write(str(value))
            return str(value)

    def run(self, *command, **options):
        """The output of a program that ran in the namespace."""
        options = {"check": True, "text": True, "capture_output": True, "timeout": 120, **options}
        with self.inside():
            try:
                return subprocess.run(command, **options).stdout
            except subprocess.CalledProcessError as error:
                raise AssertionError(f"{self.name}: {' '.join(command)}: exit {error.returncode}\n"
                                     f"{error.stdout}{error.stderr}") from None

    def ip(self, *lines):
        """Lines of `ip -batch`: "link set lo up" and so on. Those with -6 before them come last."""
        six = [line[3:] for line in lines if line.startswith("-6 ")]
        rest = [line for line in lines if not line.startswith("-6 ")]
        if rest:
            self.run("ip", "-batch", "-", input="\n".join(rest) + "\n")
        if six:
            self.run("ip", "-6", "-batch", "-", input="\n".join(six) + "\n")

    def udp_losses(self):
        """What this host's kernel has dropped of UDP: {"v4 RcvbufErrors": 3, ...}."""
        losses = {}
        with self.inside():
            with open("/proc/net/snmp", encoding="ascii") as file:
                names, values = [line.split()[1:] for line in file if line.startswith("Udp:")]
            with open("/proc/net/snmp6", encoding="ascii") as file:
                six = [line.split() for line in file if line.startswith("Udp6")]
        for family, pairs in (("v4", zip(names, values)),
                              ("v6", ((name[4:], value) for name, value in six))):
            losses |= {f"{family} {name}": int(value) for name, value in pairs
                       if name.endswith("Errors") and int(value)}
        return losses

    def start(self, *command, **options):
        """A program in the namespace that dies with this process."""
        with self.inside():
            process = subprocess.Popen(mortal(*command), **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        os.close(self.fd)
