"""The wherry binary on a node of the rig, as operators run it."""
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse

from rig import SERVICE_CIDRS

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from running_wherry import cpu_seconds, sum_of_samples  # noqa: E402  (after the path is set)

BINARY = os.environ["WHERRY_BINARY"]
ADMIN_PORT = 10249


def wait_for(what, condition, seconds=20, pause=0.02):
    """Returns what the condition returns, once that is true."""
    deadline = time.monotonic() + seconds
    reason = None
    while True:
        try:
            result = condition()
            if result:
                return result
        except (OSError, http.client.HTTPException) as error:
            reason = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s (last: {reason!r})")
        time.sleep(pause)


class Wherry:
    """`wherry run` on one node. `prefix` is a command that takes privileges away."""

    def __init__(self, rig, node, *arguments, manifests=None, steering="node", prefix=(),
                 ready=True, admin=f"127.0.0.1:{ADMIN_PORT}", service_cidrs=SERVICE_CIDRS):
        self.rig, self.node = rig, node
        self.run_folder = os.path.join(rig.folder.name, "run-" + node.name)
        self.admin = admin
        self.arguments = [
            *(("--manifests", manifests) if manifests else ()), "--steering", steering,
            "--hostname-override", node.name,
            *(("--service-cidr", ",".join(service_cidrs)) if service_cidrs else ()), "--run-dir", self.run_folder, "--admin-address", admin, *arguments]
        self.prefix = list(prefix)
        self.log_name = os.path.join(rig.folder.name, f"log-{node.name}-{os.urandom(4).hex()}")
        self.connection = None
        self.start()
        if ready:
            self.wait_ready()

    def start(self):
        with open(self.log_name, "a", encoding="utf-8") as log:
            self.process = self.node.host.start(*self.prefix, BINARY, "run", *self.arguments,
                                                stderr=log)

    def command(self, *arguments, prefix=(), **options):
        """Another wherry on the node, run to its end; (exit code, output, errors)."""
        with self.node.host.inside():
            done = subprocess.run([*prefix, BINARY, *arguments], text=True, capture_output=True,
                                  timeout=60, check=False, **options)
        return done.returncode, done.stdout, done.stderr

    def wait_ready(self, seconds=30):
        def is_ready():
            assert self.process.poll() is None, f"it ended with {self.process.poll()}"
            return self.get("/readyz")[0] == 200
        try:
            wait_for(f"wherry on {self.node.name} is ready", is_ready, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def log(self):
        with open(self.log_name, encoding="utf-8") as file:
            return file.read()

    def get(self, path):
        """(status, body) of an admin page, over one connection that is kept."""
        for last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.admin, timeout=10)
                with self.node.host.inside():
                    self.connection.connect()
            try:
                self.connection.request("GET", path)
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if last:
                    raise

    def explanation(self, client, address, port, protocol):
        """What the page says; "status" and "text" alone where it is not 200."""
        to = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        query = urllib.parse.urlencode({"client": client, "destination": to, "protocol": protocol})
        status, body = self.get("/explain?" + query)
        return json.loads(body) if status == 200 else {"status": status, "text": body.strip()}

    def explain(self, client, address, port, protocol):
        """(verdict, addresses of the backends, the rule) of one connection."""
        verdict, backends, rule, _ = self.explain_all(client, address, port, protocol)
        return verdict, backends, rule

    def explain_all(self, client, address, port, protocol):
        """The same, and a fourth: each backend's address with whose address it sees."""
        said = self.explanation(client, address, port, protocol)
        if "status" in said:
            return f"no explanation ({said['status']})", frozenset(), said["text"], {}
        backends = [each.rpartition(":")[0].strip("[]") for each in said["backends"]]
        return (said["verdict"], frozenset(backends), said["rule"],
                dict(zip(backends, said.get("backendsSee", []))))

    def table(self):
        return json.loads(self.get("/table")[1])

    def generation_has(self, service, count):
        """Whether the table has this many backends for the Service, over all its ports."""
        rows = [row for row in self.table() if row["service"] == service]
        return bool(rows) and all(len(row["internal"]["backends"]) == count for row in rows)

    def metric(self, name, **labels):
        return sum_of_samples(self.get("/metrics")[1], name, **labels)

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        """Its exit code; 0 is all that a test should see."""
        self.close_connection()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        self.close_connection()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close_connection(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    close = kill


def both_nodes(rig, manifests, *arguments, arguments_of=lambda node: (), **options):
    """wherry on both nodes, ready; by the node's name."""
    found = {node.name: Wherry(rig, node, *arguments, *arguments_of(node), manifests=manifests,
                               ready=False, **options)
             for node in rig.nodes.values()}
    for each in found.values():
        each.wait_ready()
    return found


def is_sanitized():
    """Whether the binary runs with a sanitizer: slower, and with more memory."""
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()
