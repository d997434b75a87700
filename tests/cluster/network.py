"""Two network namespaces: this process's own, where wherry and pods are, and the control plane's.

run.sh starts every test process in a new network namespace. Nothing here has a name on the
machine: namespaces, links and addresses are gone with the processes that live in them.
"""
import os
import subprocess

SERVER = "172.31.9.1"
NODE = "172.31.9.2"
WRONG_NEIGHBOUR = "02:00:00:00:00:99"


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def mortal(*command):
    """The command, to be killed with whoever started it, however that ended."""
    return ["setpriv", "--pdeathsig", "KILL", *command]


class Network:
    def __init__(self):
        run("ip", "link", "set", "lo", "up")
        self.holder = subprocess.Popen(
            mortal("unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"),
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline().strip() == "ready"
        run("ip", "link", "add", "to-server", "type", "veth", "peer", "name", "to-node")
        run("ip", "link", "set", "to-node", "netns", str(self.holder.pid))
        run("ip", "addr", "add", NODE + "/24", "dev", "to-server")
        run("ip", "link", "set", "to-server", "up")
        self.on_server("ip", "link", "set", "lo", "up")
        self.on_server("ip", "addr", "add", SERVER + "/24", "dev", "to-node")
        self.on_server("ip", "link", "set", "to-node", "up")
        self.pods = []

    def inside(self, *command):
        """The command, in the control plane's namespace."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *mortal(*command)]

    def on_server(self, *command):
        return run(*self.inside(*command))

    def pod_address(self):
        number = len(self.pods) + 1
        address = f"10.244.{number // 250}.{number % 250 + 1}"
        run("ip", "addr", "add", address + "/32", "dev", "lo")
        self.pods.append(address)
        return address

    def cut(self):
        """Packets are lost on the way, in both directions, without a word."""
        run("ip", "neigh", "replace", SERVER, "lladdr", WRONG_NEIGHBOUR, "dev", "to-server",
            "nud", "permanent")
        self.on_server("ip", "neigh", "replace", NODE, "lladdr", WRONG_NEIGHBOUR, "dev", "to-node",
                       "nud", "permanent")

    def mend(self):
        run("ip", "neigh", "del", SERVER, "dev", "to-server")
        self.on_server("ip", "neigh", "del", NODE, "dev", "to-node")

    def close(self):
        for address in self.pods:
            run("ip", "addr", "del", address + "/32", "dev", "lo")
        run("ip", "link", "del", "to-server")
        self.holder.kill()
        self.holder.wait()


def binary(name):
    folder = os.environ["WHERRY_CLUSTER_BINARIES"]
    if name == "etcd" and not os.path.exists(os.path.join(folder, "etcd")):
        name = "server"  # what Go calls what it builds of etcd
    return os.path.join(folder, name)
