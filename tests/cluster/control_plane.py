"""A real etcd, kube-apiserver and kube-controller-manager, and a client for them."""
import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import threading
import time

from network import SERVER, binary, run

ADMIN = "token-of-admin"


def wait_for(what, condition, seconds=30, pause=0.05):
    """Returns what the condition returns, once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            result = condition()
        except (OSError, http.client.HTTPException, AssertionError, KeyError, IndexError) as error:
            result, reason = None, error
        else:
            reason = result
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s (last: {reason!r})")
        time.sleep(pause)


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:500]}")
        self.status = status


class Api:
    """Speaks with the API server as somebody. One connection per thread."""

    def __init__(self, authority_file, token=ADMIN):
        self.context = ssl.create_default_context(cafile=authority_file)
        self.token = token
        self.local = threading.local()

    def request(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        for last in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(SERVER, 6443, context=self.context,
                                                         timeout=20)
                self.local.connection = connection
            try:
                connection.request(method, path, text, headers)
                answer = connection.getresponse()
                content = answer.read()
                break
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if last:
                    raise
        if answer.status >= 300:
            raise ApiError(answer.status, content.decode(errors="replace"))
        return json.loads(content) if content[:1] == b"{" else content.decode()

    def get(self, path):
        return self.request("GET", path)

    def create(self, path, body):
        return self.request("POST", path, body)

    def delete(self, path):
        return self.request("DELETE", path)

    def patch(self, path, body):
        return self.request("PATCH", path, body, "application/merge-patch+json")


class Authority:
    """Certificates, made with the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        self.file = os.path.join(folder, "ca.crt")
        self.key = os.path.join(folder, "ca.key")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out",
            self.file, "-subj", "/CN=test authority", "-days", "2")

    def issue(self, name, subject, extension):
        """(certificate file, key file)"""
        path = os.path.join(self.folder, name)
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", path + ".key", "-out",
            path + ".csr", "-subj", subject)
        with open(path + ".ext", "w", encoding="utf-8") as file:
            file.write(extension)
        run("openssl", "x509", "-req", "-in", path + ".csr", "-CA", self.file, "-CAkey", self.key,
            "-CAcreateserial", "-out", path + ".crt", "-days", "1", "-extfile", path + ".ext")
        return path + ".crt", path + ".key"


class ControlPlane:
    def __init__(self, network, users=(), controllers=True, arguments=()):
        """`users` are (token, name); they may do nothing until they are told to."""
        self.network = network
        self.arguments = list(arguments)
        self.keep = tempfile.TemporaryDirectory(prefix="wherry-cluster-")
        self.folder = self.keep.name
        self.processes = {}
        self.authority = Authority(self.folder)
        self.server_certificate = self.authority.issue(
            "server", "/CN=kube-apiserver", f"subjectAltName=IP:{SERVER},DNS:kubernetes\n")
        run("openssl", "genrsa", "-out", self.path("sa.key"), "2048")
        run("openssl", "rsa", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))
        with open(self.path("tokens.csv"), "w", encoding="utf-8") as file:
            file.write(f'{ADMIN},admin,admin,"system:masters"\n')
            for token, name in users:
                file.write(f"{token},{name},{name}\n")
        with open(self.path("audit.yaml"), "w", encoding="utf-8") as file:
            file.write("apiVersion: audit.k8s.io/v1\nkind: Policy\n"
                       "omitStages: [RequestReceived]\n"
                       "rules:\n- level: Metadata\n  verbs: [list, watch]\n- level: None\n")
        self.api = Api(self.authority.file)
        self.start_etcd()
        self.start_server()
        self.api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node",
                                          "metadata": {"name": "node-1"}})
        if controllers:
            self.start_controllers()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, *command):
        log = open(self.path(name + ".log"), "a", encoding="utf-8")
        self.processes[name] = subprocess.Popen(self.network.inside(*command), stdout=log,
                                                stderr=log)
        log.close()

    def stop(self, name, how=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(how)
        process.wait()

    def log_of(self, name):
        with open(self.path(name + ".log"), encoding="utf-8") as file:
            return file.read()

    def start_etcd(self):
        self.start("etcd", binary("etcd"), "--data-dir", self.path("etcd"), "--unsafe-no-fsync",
                   "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                   "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380",
                   "--log-level", "error", "--quota-backend-bytes", "4294967296")

    def start_server(self):
        certificate, key = self.server_certificate
        self.start("server", binary("kube-apiserver"), "--etcd-servers", "http://127.0.0.1:2379",
                   "--bind-address", SERVER, "--advertise-address", SERVER, "--secure-port", "6443",
                   "--tls-cert-file", certificate, "--tls-private-key-file", key,
                   "--client-ca-file", self.authority.file, "--cert-dir", self.folder,
                   "--service-cluster-ip-range", "10.96.0.0/16", "--service-account-issuer",
                   "https://kubernetes.default.svc", "--service-account-key-file",
                   self.path("sa.pub"), "--service-account-signing-key-file", self.path("sa.key"),
                   "--token-auth-file", self.path("tokens.csv"), "--authorization-mode", "RBAC",
                   "--disable-admission-plugins", "ServiceAccount", "--audit-policy-file",
                   self.path("audit.yaml"), "--audit-log-path", self.path("audit.log"),
                   "--audit-log-mode", "blocking", *self.arguments)
        self.wait_for_server()

    def wait_for_server(self):
        def is_ready():
            try:
                return self.api.get("/readyz") == "ok"
            except ApiError:
                return False
        try:
            wait_for("the API server is ready", is_ready, 90)
        except AssertionError:
            print(self.log_of("server")[-3000:])
            raise

    def start_controllers(self):
        self.write_kubeconfig("controllers", f"token: {ADMIN}")
        self.start("controllers", binary("kube-controller-manager"), "--kubeconfig",
                   self.path("controllers"), "--service-account-private-key-file",
                   self.path("sa.key"), "--use-service-account-credentials",
                   "--leader-elect=false",
                   "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller")

    def write_kubeconfig(self, name, *user):
        """`user` are the lines under the user's key. Returns the file."""
        lines = "".join(f"    {line}\n" for line in user)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(f"""apiVersion: v1
kind: Config
current-context: only
clusters:
- name: only
  cluster:
    server: https://{SERVER}:6443
    certificate-authority: ca.crt
contexts:
- name: only
  context:
    cluster: only
    user: only
users:
- name: only
  user:
{lines}""")
        return self.path(name)

    def kubectl(self, *arguments, text=None):
        kubeconfig = self.write_kubeconfig("kubectl", f"token: {ADMIN}")
        return run(binary("kubectl"), "--kubeconfig", kubeconfig, *arguments, input=text)

    def compact(self):
        """Forgets all versions but the newest."""
        def post(path, body):
            command = self.network.inside(
                "curl", "-sS", "-f", "-X", "POST", "-d", json.dumps(body),
                "http://127.0.0.1:2379" + path)
            return json.loads(run(*command))
        revision = post("/v3/kv/range", {"key": "AA=="})["header"]["revision"]
        post("/v3/kv/compaction", {"revision": revision, "physical": True})

    def audit(self, user):
        """(verb, resource, credential) of every list and watch that this user was answered."""
        seen = []
        with open(self.path("audit.log"), encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    break  # it is being written
                event = json.loads(line)
                if event["user"].get("username") != user:
                    continue
                if event["stage"] == "ResponseComplete" and event["verb"] == "watch":
                    continue
                resource = event.get("objectRef", {}).get("resource")
                extra = event["user"].get("extra", {})
                credential = extra.get("authentication.kubernetes.io/credential-id", [""])[0]
                seen.append((event["verb"], resource, credential))
        return seen

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        self.keep.cleanup()


def allow(api, user, rules, name_space=None, name=None):
    """A (Cluster)Role of these rules, bound to the user."""
    name = name or f"{user}-{name_space or 'all'}"
    group = "/apis/rbac.authorization.k8s.io/v1/"
    where = f"namespaces/{name_space}/" if name_space else ""
    kind = "Role" if name_space else "ClusterRole"
    api.create(f"{group}{where}{kind.lower()}s",
               {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
                "metadata": {"name": name}, "rules": rules})
    api.create(f"{group}{where}{kind.lower()}bindings",
               {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind + "Binding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [{"kind": "User", "name": user,
                              "apiGroup": "rbac.authorization.k8s.io"}]})


def rule(group, *resources, verbs=("list", "watch")):
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


EVENTS = rule("events.k8s.io", "events", verbs=("create", "patch"))
NODE_PROXY = [rule("", "services", "nodes", "pods"), rule("discovery.k8s.io", "endpointslices"),
              EVENTS]
