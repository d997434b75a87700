"""What the steps of deploy/Dockerfile come to. Started by image.sh, with a folder to work in."""
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

import as_pod
import dockerfile
import yaml
from dockerfile import ROOT, run

HERE = os.path.dirname(os.path.abspath(__file__))
MEBIBYTE = 1 << 20
ENVIRONMENT = {"PATH": os.environ["PATH"]}  # where a kubeconfig would be looked for is not passed on


def setUpModule():
    global image, capabilities
    image = dockerfile.build(work)
    with open(os.path.join(ROOT, "deploy/kustomize/base/daemon_set.yaml"), encoding="utf-8") as file:
        pod = yaml.safe_load(file)["spec"]["template"]["spec"]
    capabilities = pod["containers"][0]["securityContext"]["capabilities"]["add"]


def effective(process):
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        return int(re.search(r"CapEff:\s+(\w+)", file.read()).group(1), 16)


def in_pod(*command, mounts=()):
    return ["unshare", "--net", "--mount", sys.executable, "-B", os.path.join(HERE, "as_pod.py"),
            image.folder, ",".join(capabilities), *mounts, "--", *command]


def wherry(*arguments, mounts=(), name="/usr/bin/wherry"):
    return subprocess.run(in_pod(name, *arguments, mounts=mounts), text=True, capture_output=True,
                          check=False, timeout=60, env=ENVIRONMENT)


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder)
                  for path, _, names in os.walk(folder) for name in names)


class Image(unittest.TestCase):
    def test_the_program_loads_glibc_and_what_has_no_archive(self):
        program = os.path.join(image.folder, "usr/bin/wherry")
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", program)))
        allowed = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1",
                   "libprometheus-cpp-core.so.1.0"}
        self.assertFalse({each for each in needed if not each.startswith("ld-linux")} - allowed)
        self.assertIn("libc.so.6", needed)

    def test_the_program_is_hardened_and_stripped(self):
        program = os.path.join(image.folder, "usr/bin/wherry")
        dynamic, sections = run("readelf", "-dW", program), run("readelf", "-SW", program)
        self.assertRegex(dynamic, r"Flags:.*NOW.*PIE")
        self.assertNotRegex(dynamic, "RUNPATH|RPATH")
        self.assertNotRegex(sections, r"\.(symtab|debug_info)")

    def test_the_image_holds_nothing_else(self):
        files = [name for name in files_below(image.folder)
                 if not re.search(r"/(ld-linux[^/]*|libc|libm|libstdc\+\+|libgcc_s|libprometheus-cpp-core)\.so(\.\d+)+$", name)]
        self.assertEqual(files, ["etc/group", "etc/nsswitch.conf", "etc/passwd",
                                 "etc/ssl/certs/ca-certificates.crt", "usr/bin/wherry",
                                 "usr/lib/ssl/cert.pem", "usr/local/bin/kube-proxy"])

    def test_it_is_small(self):
        program = os.path.getsize(os.path.join(image.folder, "usr/bin/wherry"))
        everything = sum(os.lstat(os.path.join(image.folder, name)).st_size
                         for name in files_below(image.folder))
        print(f"\nthe program has {program / MEBIBYTE:.1f} MiB, the image "
              f"{everything / MEBIBYTE:.1f} MiB; it loads:\n"
              + run("ldd", os.path.join(image.folder, "usr/bin/wherry")))
        self.assertLess(everything, 32 * MEBIBYTE)

    def test_it_says_its_version_under_both_names(self):
        with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(wherry VERSION (\S+)", file.read()).group(1)
        self.assertEqual(image.entrypoint, ["/usr/bin/wherry"])
        self.assertEqual(wherry("version").stdout, f"wherry {version}\n")
        self.assertEqual(wherry("--version", name="/usr/local/bin/kube-proxy").stdout,
                         f"wherry {version}\n")

    def test_it_checks_a_folder_of_manifests(self):
        folder = os.path.join(ROOT, "deploy/example")
        checked = wherry("check", "--manifests", "/etc/wherry", mounts=[folder + "=/etc/wherry"])
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertRegex(checked.stdout, r"^ok: ")

    def test_it_resolves_names(self):
        """By glibc's own getaddrinfo(), which is why glibc is not linked into the program."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("hosts", "127.0.0.1 named.test\n"),
                               ("kubeconfig", KUBECONFIG)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            hosts = os.path.join(image.folder, "etc/hosts")  # which a container runtime brings
            open(hosts, "w", encoding="utf-8").close()
            self.addCleanup(os.remove, hosts)
            tried = wherry("check", "--kubeconfig", "/etc/wherry/kubeconfig",
                           mounts=[folder + "=/etc/wherry", f"{folder}/hosts=/etc/hosts"])
        self.assertEqual(tried.returncode, 69, tried.stdout + tried.stderr)
        self.assertIn("Connection refused", tried.stdout + tried.stderr)

    def test_it_serves_with_the_pods_capabilities_on_a_read_only_root(self):
        folder = os.path.join(ROOT, "deploy/example")
        with tempfile.NamedTemporaryFile() as log:
            process = subprocess.Popen(
                in_pod("/usr/bin/wherry", "run", "--manifests", "/etc/wherry", "--node-name", "n",
                       mounts=[folder + "=/etc/wherry"]), stderr=log, env=ENVIRONMENT)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)

            def said():
                with open(log.name, encoding="utf-8") as file:
                    return file.read()
            served = r"my-service +80 +TCP +127\.0\.0\.1:80 +3/3 +forward"
            self.eventually(lambda: re.search(served, self.get_services(process)), said)
            # The pod's, as far as this machine has them to give.
            wanted = sum(1 << as_pod.NUMBERS[name] for name in capabilities)
            self.assertEqual(effective(process.pid), wanted & effective("self"))
            process.terminate()
            self.assertEqual(process.wait(timeout=30), 0, said())

    @staticmethod
    def get_services(process):
        return subprocess.run(["nsenter", "--target", str(process.pid), "--net", "--mount",
                               "--root", "--wd", "/usr/bin/wherry", "get", "services"], text=True,
                              capture_output=True, check=False).stdout

    def eventually(self, condition, said):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, said())
            time.sleep(0.1)


KUBECONFIG = """apiVersion: v1
kind: Config
current-context: only
clusters:
- name: only
  cluster: {server: "https://named.test:1"}
contexts:
- name: only
  context: {cluster: only, user: only}
users:
- name: only
  user: {token: none}
"""

if __name__ == "__main__":
    work = sys.argv.pop(1)
    unittest.main()
