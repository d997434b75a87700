"""The wherry binary as operators run it."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from control_plane import wait_for
from network import mortal

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from running_wherry import cpu_seconds, sum_of_samples  # noqa: E402  (after the path is set)

BINARY = os.environ["WHERRY_BINARY"]


def wherry(*arguments, environment=None):
    """Runs it to its end."""
    return subprocess.run([BINARY, *arguments], text=True, capture_output=True, timeout=120,
                          env=clean_environment(environment))


def clean_environment(more=None):
    return {"PATH": os.environ["PATH"], **(more or {})}


class Wherry:
    def __init__(self, *arguments, ready=True, environment=None):
        self.log_file = tempfile.NamedTemporaryFile(prefix="wherry-log-")
        self.process = subprocess.Popen(
            mortal(BINARY, "run", "--admin-address", "127.0.0.1:0", "--listen-pool",
                   "127.64.0.0/16", "--node-name", "node-1", *arguments),
            stderr=self.log_file, env=clean_environment(environment))
        self.admin = wait_for("wherry says where its admin server is", self.find_admin)
        if ready:
            self.wait_ready()

    def find_admin(self):
        assert self.process.poll() is None, self.log()
        found = re.search(r"admin=(\S+)", self.log())
        return found and found.group(1)

    def wait_ready(self, seconds=30):
        try:
            wait_for("wherry is ready", lambda: self.status("/readyz") == 200, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def log(self):
        with open(self.log_file.name, encoding="utf-8") as file:
            return file.read()

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def status(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def table(self):
        return json.loads(self.get("/table"))

    def endpoints(self):
        return json.loads(self.get("/endpoints"))

    def row(self, name_space, service):
        return next((row for row in self.table()
                     if (row["namespace"], row["service"]) == (name_space, service)), None)

    def backends(self, name_space, service):
        row = self.row(name_space, service)
        return sorted(row["internal"]["backends"]) if row else []

    def address_of(self, name_space, service):
        """(address, port) where a Service listens."""
        row = wait_for(f"{service} listens",
                       lambda: (found := self.row(name_space, service)) and found["listen"] and found)
        address, port = row["listen"][0].rsplit(":", 1)
        return address, int(port)

    def wait_for_backends(self, name_space, service, count, seconds=30):
        return wait_for(f"{count} backends of {service}",
                        lambda: len(found := self.backends(name_space, service)) == count and
                        (found or True), seconds)

    def metric(self, name):
        return sum_of_samples(self.get("/metrics"), name)

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def peak_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Its exit code; 0 is all that a test should see."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
