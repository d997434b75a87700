"""Pods and Services: objects of the API, and the sockets behind them."""
import socket
import threading

from control_plane import ApiError

PORT = 9376


class PodServer:
    """Answers each connection with its name, and closes it."""

    def __init__(self, name, address, port=PORT):
        self.name = name
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(256)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            try:
                client.sendall(self.name.encode())
            except OSError:
                pass
            client.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Workload:
    """One namespace, with what is in it."""

    def __init__(self, api, network, name):
        self.api = api
        self.network = network
        self.name = name
        self.servers = {}
        if name != "default":
            api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                              "metadata": {"name": name}})

    def path(self, kind, name=""):
        group = "apis/discovery.k8s.io/v1" if kind == "endpointslices" else "api/v1"
        return f"/{group}/namespaces/{self.name}/{kind}" + (f"/{name}" if name else "")

    def add_service(self, name, selector=None, ports=None, **spec):
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"ports": ports or [{"port": 80, "targetPort": PORT}], **spec}}
        if selector is not None:
            body["spec"]["selector"] = selector
        return self.api.create(self.path("services"), body)

    def add_pod(self, name, labels, address=None, ready=True, listen=True, ports=None,
                node="node-1"):
        """Returns its address."""
        address = address or self.network.pod_address()
        if listen:
            self.servers[name] = PodServer(name, address)
        container = {"name": "only", "image": "example"}
        if ports:
            container["ports"] = [{"name": key, "containerPort": value}
                                  for key, value in ports.items()]
        self.api.create(self.path("pods"),
                        {"apiVersion": "v1", "kind": "Pod",
                         "metadata": {"name": name, "labels": labels},
                         "spec": {"nodeName": node, "containers": [container]}})
        self.set_pod_status(name, ready, address)
        return address

    def set_pod_status(self, name, ready, address=None):
        status = {"phase": "Running",
                  "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
        if address:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        self.api.patch(self.path("pods", name) + "/status", {"status": status})

    def delete_pod(self, name, grace=0):
        """With a grace the pod is only terminating until it is deleted again."""
        try:
            self.api.delete(self.path("pods", name) + f"?gracePeriodSeconds={grace}")
        except ApiError as error:
            if error.status != 404:
                raise
        if grace == 0 and name in self.servers:
            self.servers.pop(name).close()

    def close(self):
        for server in self.servers.values():
            server.close()


def answers(address, port, count):
    """Connects so often; the names that answered. "" where nobody did."""
    return [answer(address, port) for _ in range(count)]


def answer(address, port, seconds=5):
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            return connection.makefile("rb").read().decode()
    except OSError:
        return ""


class Load:
    """Connections, one after the other, until it is told to stop."""

    def __init__(self, address, port, threads=2):
        self.names = {}
        self.failed = 0
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(address, port), daemon=True)
                        for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self, address, port):
        while not self.stopping:
            name = answer(address, port)
            with self.lock:
                if name:
                    self.names[name] = self.names.get(name, 0) + 1
                else:
                    self.failed += 1

    @property
    def count(self):
        return sum(self.names.values())

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
