"""What is set up on a host, as the usual programs list it; for comparing before and after."""
import re
import subprocess

# What the kernel counts, or learns by itself, and nobody sets.
VOLATILE = re.compile(
    r"^net\.(netfilter\.nf_conntrack_(count|buckets|max|expect_max)|ipv4\.(tcp_mem|udp_mem|"
    r"tcp_fastopen_key|inet_peer|route\.)|netfilter\.nf_log|core\.|unix\.|.*\.stable_secret)")


def without(pattern, text):
    """Ages and counters are not what anybody set up."""
    return re.sub(pattern, "", text)


def listings(host, bpf_folder="/sys/fs/bpf"):
    """Name -> text. Only what is of this host: other hosts' programs are left out."""
    links = [line.split()[1].split("@")[0].rstrip(":")
             for line in host.run("ip", "-o", "link").splitlines()]
    namespace = host.run("stat", "-L", "-c", "%i", "/proc/self/ns/net").strip()
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
