"""What is set up on a host, as the usual programs list it; for comparing before and after."""
import collections
import json
import os
import re
import subprocess

# What the kernel counts, or learns by itself, and nobody sets.
VOLATILE = re.compile(
    r"^net\.(netfilter\.nf_conntrack_(count|buckets|max|expect_max)|ipv4\.(tcp_mem|udp_mem|"
    r"tcp_fastopen_key|inet_peer|route\.)|netfilter\.nf_log|core\.|unix\.|.*\.stable_secret)")


def without(pattern, text):
    """Ages and counters are not what anybody set up."""
    return re.sub(pattern, "", text)


def asked(host, *arguments):
    """What `bpftool --json` says; nothing where it fails."""
    return json.loads(host.run("bpftool", "--json", *arguments, check=False) or "null")


def held_by_processes(namespace):
    """The numbers of the BPF programs and maps that processes in the namespace have open."""
    programs, maps = set(), set()
    for process in (each for each in os.listdir("/proc") if each.isdigit()):
        try:
            if os.stat(f"/proc/{process}/ns/net").st_ino != namespace:
                continue
            for descriptor in os.listdir(f"/proc/{process}/fdinfo"):
                with open(f"/proc/{process}/fdinfo/{descriptor}", encoding="ascii") as file:
                    for line in file:
                        name, _, value = line.partition(":")
                        if name == "prog_id":
                            programs.add(int(value))
                        elif name == "map_id":
                            maps.add(int(value))
        except OSError:
            pass  # it has ended meanwhile
    return programs, maps


def bpf_objects(host, namespace, bpf_folder):
    """(programs, maps) as lines "how many x name type", of this host alone: what is attached in it, what is pinned,
    what its processes hold, and the maps that these programs use. Their numbers are not told: they
    differ each time. All others that the machine has are other hosts'."""
    programs, maps = held_by_processes(namespace)
    for link in asked(host, "link") or []:
        if link.get("netns_ino") == namespace:
            programs.add(link["prog_id"])
    for attached in asked(host, "net") or []:
        programs |= {each["id"] for kind in attached.values() for each in kind if "id" in each}
    for folder, _, files in os.walk(bpf_folder):
        of = re.search(r"/netns-(\d+)", folder)
        for name in files if of is None or int(of[1]) == namespace else ():
            # A pin doesn't tell what it is of; bpftool refuses what is of another kind.
            for kind, numbers in (("prog", programs), ("map", maps)):
                found = asked(host, kind, "show", "pinned", os.path.join(folder, name))
                if isinstance(found, dict) and "id" in found:
                    numbers.add(found["id"])
    texts = []
    for number in programs:
        found = asked(host, "prog", "show", "id", str(number))
        if isinstance(found, dict) and "id" in found:
            texts.append(f"{found.get('name', '')} {found['type']}")
            maps |= set(found.get("map_ids", []))
    map_texts = []
    for number in maps:
        found = asked(host, "map", "show", "id", str(number))
        if isinstance(found, dict) and "id" in found:
            map_texts.append(f"{found.get('name', '')} {found['type']}")
    return counted(texts), counted(map_texts)


def counted(texts):
    return "\n".join(f"{count} x {text}" for text, count in sorted(collections.Counter(texts).items()))


def listings(host, bpf_folder="/sys/fs/bpf"):
    """Name -> text. Only what is of this host: other hosts' programs are left out."""
    links = [line.split()[1].split("@")[0].rstrip(":")
             for line in host.run("ip", "-o", "link").splitlines()]
    namespace = int(host.run("stat", "-L", "-c", "%i", "/proc/self/ns/net"))
    programs, maps = bpf_objects(host, namespace, bpf_folder)
    filters = "".join(host.run("tc", "filter", "show", "dev", link, where)
                      for link in links for where in ("ingress", "egress"))
    sysctls = "\n".join(line for line in host.run("sysctl", "-a", "--ignore",
                                                  check=False).splitlines()
                        if line.startswith("net.") and not VOLATILE.match(line))
    # `ip` shows how long a route still lasts, and how often one was used.
    return {
        "ip route": without(r" (expires \d+sec|used \d+|age \d+sec)",
                            host.run("ip", "route", "show", "table", "all") +
                            host.run("ip", "-6", "route", "show", "table", "all")),
        "ip rule": host.run("ip", "rule") + host.run("ip", "-6", "rule"),
        "ip address": host.run("ip", "-o", "address"),
        "ip link": without(r" qlen \d+", host.run("ip", "-o", "link")),
        "sysctl": sysctls,
        "tc": host.run("tc", "qdisc") + filters,
        "nft": host.run("nft", "list", "ruleset"),
        "bpftool net": host.run("bpftool", "net", check=False),
        "bpftool link": "\n".join(
            block for block in re.split(r"\n(?=\d+: )", host.run("bpftool", "link", check=False))
            if f"netns_ino {namespace}" in block),
        "bpftool prog": programs,
        "bpftool map": maps,
        "pins": subprocess.run(["find", bpf_folder, "-mindepth", "1"], text=True, check=True,
                               capture_output=True).stdout,
    }


def differences(before, after):
    """What a later listing has or lacks, as lines "tc: + ..."."""
    found = []
    for name, text in after.items():
        old, new = before[name].splitlines(), text.splitlines()
        found += [f"{name}: - {line}" for line in old if line not in new]
        found += [f"{name}: + {line}" for line in new if line not in old]
    return found
