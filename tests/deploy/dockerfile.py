"""Runs a Dockerfile without a container engine: base images by debootstrap, RUN by chroot.

Knows the instructions that deploy/Dockerfile has, and fails at any other. Meant to run as root in a
mount namespace of its own, which takes all mounts away when it ends.
"""
import fnmatch
import hashlib
import os
import re
import shlex
import shutil
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                     "wherry-image")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# From the machine, which may reach the packages by a proxy only.
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy")


def run(*command, **options):
    finished = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, **options)
    if finished.returncode != 0:
        raise AssertionError(f"{shlex.join(command)}: {finished.returncode}\n"
                             + "\n".join(finished.stdout.splitlines()[-40:]))
    return finished.stdout


def instructions(path):
    """(instruction, the rest of its line) of the file."""
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def ignored_by(patterns, name):
    """As .dockerignore has it: the last pattern that fits counts, for a folder's content too."""
    verdict = False
    parts = name.split("/")
    for pattern in patterns:
        keeps = pattern.startswith("!")
        pattern = pattern.lstrip("!").strip("/")
        if pattern.startswith("**/"):
            fits = any(fnmatch.fnmatchcase(part, pattern[3:]) for part in parts)
        else:
            depth = pattern.count("/") + 1
            fits = fnmatch.fnmatchcase("/".join(parts[:depth]), pattern) and len(parts) >= depth
        if fits:
            verdict = not keeps
    return verdict


def context_files():
    """What `docker build .` would send: files of the work tree that are no build products."""
    with open(os.path.join(ROOT, ".dockerignore"), encoding="utf-8") as file:
        patterns = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    listed = run("git", "-C", ROOT, "-c", "safe.directory=*", "ls-files", "-co",
                 "--exclude-standard").splitlines()
    return [name for name in listed
            if os.path.lexists(os.path.join(ROOT, name)) and not ignored_by(patterns, name)]


class Stage:
    def __init__(self, folder):
        self.folder = folder
        self.directory = "/"
        self.entrypoint = None
        os.makedirs(folder, exist_ok=True)

    def inside(self, path):
        return os.path.join(self.folder, os.path.join(self.directory, path).lstrip("/"))

    def copy(self, sources, target, origin):
        """COPY, as far as we use it: single files into a folder, or all of a folder."""
        for source in sources:
            if origin is not None:
                shutil.copytree(os.path.join(origin, source.lstrip("/")), self.inside(target),
                                symlinks=True, dirs_exist_ok=True)
                continue
            names = context_files() if source == "." else [source]
            for name in names:
                into = self.inside(os.path.join(target, name if source == "."
                                                else os.path.basename(name)))
                os.makedirs(os.path.dirname(into), exist_ok=True)
                shutil.copy2(os.path.join(ROOT, name), into, follow_symlinks=False)

    def run(self, command):
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8",
                       "CCACHE_MAXSIZE": "0"}  # whose limit is, the machine's ccache knows
        environment |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return run("chroot", self.folder, "/bin/sh", "-c", f"cd {self.directory} && {command}",
                   env=environment)


def key_of(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def packages_of(step):
    """What `deploy/install-deps.sh GROUP...` installs."""
    with open(os.path.join(ROOT, "deploy/install-deps.sh"), encoding="utf-8") as file:
        text = file.read()
    return [package for group in step.split()[1:]
            for package in re.search(rf'\[{group}\]="([^"]*)"', text).group(1).split()]


def debian_root(codename, first_step, folder):
    """A Debian root in which `first_step` was run, mounted at the folder.

    The step that installs the packages takes minutes and depends on their names alone: its outcome
    is kept, and everything else is written beside it (overlayfs).
    """
    kept = os.path.join(CACHE, key_of(codename, first_step, *packages_of(first_step)))
    if not os.path.exists(kept):
        making = kept + ".part"
        if os.path.exists(making):
            run("rm", "-rf", "--one-file-system", making)
        os.makedirs(CACHE, exist_ok=True)
        make_debian(codename, making)
        prepared = Stage(making)
        prepared.directory = "/src"
        os.makedirs(prepared.inside("deploy"))
        shutil.copy2(os.path.join(ROOT, "deploy/install-deps.sh"),
                     prepared.inside("deploy"))
        mount_kernel(making)
        prepared.run(first_step)
        run("chroot", making, "apt-get", "clean")
        unmount_kernel(making)
        os.rename(making, kept)
    upper, scratch = folder + ".upper", folder + ".scratch"
    os.makedirs(upper)
    os.makedirs(scratch)
    run("mount", "-t", "overlay", "overlay", "-o",
        f"lowerdir={kept},upperdir={upper},workdir={scratch}", folder)
    mount_kernel(folder)
    share_objects(folder)


def share_objects(folder):
    """The machine's own ccache: its compiler is the same package, the flags those of `release`."""
    objects = run("ccache", "-k", "cache_dir").strip()
    seen_as = os.path.join(folder, "root/.cache/ccache")
    os.makedirs(objects, exist_ok=True)
    os.makedirs(seen_as, exist_ok=True)
    run("mount", "--bind", objects, seen_as)


def mount_kernel(folder):
    run("mount", "-t", "proc", "proc", os.path.join(folder, "proc"))
    run("mount", "--bind", "/dev", os.path.join(folder, "dev"))


def unmount_kernel(folder):
    run("umount", os.path.join(folder, "proc"))
    run("umount", os.path.join(folder, "dev"))


def make_debian(codename, folder):
    """With the machine's own sources of this release, in whichever format they are written."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)",
                  "Identifier: Packages").splitlines()
    sources = sorted({"deb " + line for line in targets
                      if line.split()[1] == codename or line.split()[1].startswith(codename + "-")})
    mirrors = [line.split()[1] for line in sources if line.split()[2:4] == [codename, "main"]]
    assert mirrors, f"apt has no source of {codename}"
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", codename, folder,
        mirrors[0])
    for each in ("sources.list", "sources.list.d"):
        run("rm", "-rf", os.path.join(folder, "etc/apt", each))
    with open(os.path.join(folder, "etc/apt/sources.list"), "w", encoding="utf-8") as file:
        file.write("\n".join(sources) + "\n")
    settings = [line for line in run("apt-config", "dump").splitlines()
                if re.match(r"Acquire::https?::", line)]
    with open(os.path.join(folder, "etc/apt/apt.conf.d/00host"), "w", encoding="utf-8") as file:
        file.write("\n".join(settings) + "\n")
    for each in ("resolv.conf", "hosts"):
        shutil.copyfile("/etc/" + each, os.path.join(folder, "etc", each))
    certificates = "usr/local/share/ca-certificates"
    if os.path.isdir("/" + certificates):
        shutil.copytree("/" + certificates, os.path.join(folder, certificates), dirs_exist_ok=True)
        run("chroot", folder, "update-ca-certificates", env={"PATH": PATH})


def build(work):
    """Runs deploy/Dockerfile. Returns its last stage."""
    steps = instructions(os.path.join(ROOT, "deploy/Dockerfile"))
    installs = next(rest for name, rest in steps if name == "RUN" and "install-deps" in rest)
    stages = {}
    stage = None
    for name, rest in steps:
        words = shlex.split(rest)
        if name == "FROM":
            alias = words[2] if len(words) == 3 and words[1] == "AS" else "last"
            stage = stages[alias] = Stage(os.path.join(work, alias))
            if words[0] != "scratch":
                codename = re.fullmatch(r"debian:(\w+)-slim", words[0]).group(1)
                debian_root(codename, installs, stage.folder)
        elif name == "WORKDIR":
            stage.directory = words[0]
            os.makedirs(stage.inside("."), exist_ok=True)
        elif name == "COPY":
            origin = None
            if words[0].startswith("--from="):
                origin = stages[words.pop(0)[len("--from="):]].folder
            stage.copy(words[:-1], words[-1], origin)
        elif name == "RUN":
            stage.run(rest)
        elif name == "ENTRYPOINT":
            stage.entrypoint = re.findall(r'"([^"]*)"', rest)
        elif name != "LABEL":
            raise AssertionError(f"deploy/Dockerfile: {name} is not known here")
    return stage
