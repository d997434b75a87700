"""What an earlier kube-proxy, or a firewall, has left on a node: it is named with the remedy, and the
remedy helps. Each leftover here does what it does on real nodes: it leads a Service elsewhere."""
import contextlib
import shutil
import unittest

from objects import PORT, Service, all_objects
from probes import ANSWERED, SILENCE, Probe, ask_all
from rig import BACKEND_PORT, CLUSTER_CIDRS, Rig
from snapshot import differences, listings
from wherry_node import Wherry

PROTOCOLS = ("TCP", "UDP")
NFT_FAMILIES = (("ip", "ipv4_addr"), ("ip6", "ipv6_addr"))


def setUpModule():
    global rig, web, folder
    rig = Rig()
    unittest.addModuleCleanup(rig.close)
    rig.serve(rig.pods["a1"])
    rig.serve(rig.pods["bc"])  # an endpoint of long ago, which the leftovers still lead to
    web = Service("web", 1, [rig.pods["a1"]])
    folder = rig.manifests("manifests", all_objects(rig, [web]))


def nftables_mode(family):
    """The table of kube-proxy's mode nftables with one Service (pkg/proxy/nftables/proxier.go, 1.36)."""
    ip, address_type = NFT_FAMILIES[family]
    vip, external = web.cluster_ips[family], web.external_ips[family]
    old = rig.pods["bc"].addresses[family]
    to = old if family == 0 else f"[{old}]"
    chains, ips, ports = [], [], []
    for protocol in ("tcp", "udp"):
        name = f"ULMVA6XW-rig/web/{protocol}/{protocol}"
        chains.append(f"""
  chain endpoint-{name} {{
    {ip} saddr {old} jump mark-for-masquerade
    meta l4proto {protocol} dnat to {to}:{BACKEND_PORT}
  }}
  chain service-{name} {{
    {ip} daddr {vip} {protocol} dport {PORT} {ip} saddr != {CLUSTER_CIDRS[family]} jump mark-for-masquerade
    numgen random mod 1 vmap {{ 0 : goto endpoint-{name} }}
  }}
  chain external-{name} {{
    jump mark-for-masquerade
    goto service-{name}
  }}""")
        ips += [f"{vip} . {protocol} . {PORT} : goto service-{name}",
                f"{external} . {protocol} . {PORT} : goto external-{name}"]
        ports.append(f"{protocol} . {web.node_port} : goto external-{name}")
    key = f"{address_type} . inet_proto . inet_service : verdict"
    return f"""
table {ip} kube-proxy {{
  comment "rules for kube-proxy"
  set cluster-ips {{ type {address_type}; elements = {{ {vip} }} }}
  set nodeport-ips {{ type {address_type}; elements = {{ {rig.a.addresses[family]} }} }}
  map no-endpoint-services {{ type {key}; }}
  map no-endpoint-nodeports {{ type inet_proto . inet_service : verdict; }}
  map firewall-ips {{ type {key}; }}
  map service-ips {{ type {key}; elements = {{ {", ".join(ips)} }} }}
  map service-nodeports {{ type inet_proto . inet_service : verdict; elements = {{ {", ".join(ports)} }} }}
  chain mark-for-masquerade {{ meta mark set meta mark or 0x4000; }}
  {"".join(chains)}
  chain services {{
    {ip} daddr . meta l4proto . th dport vmap @service-ips
    {ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }}
  chain masquerading {{
    meta mark and 0x4000 != 0 meta mark set meta mark xor 0x4000 masquerade fully-random
  }}
  chain cluster-ips-check {{ {ip} daddr @cluster-ips reject; }}
  chain service-endpoints-check {{ {ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }}
  chain firewall-check {{ {ip} daddr . meta l4proto . th dport vmap @firewall-ips; }}
  chain filter-prerouting-pre-dnat {{
    type filter hook prerouting priority dstnat - 10;
    ct state new jump firewall-check
  }}
  chain filter-input {{ type filter hook input priority filter; ct state new jump service-endpoints-check; }}
  chain filter-forward {{
    type filter hook forward priority filter;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }}
  chain filter-output {{
    type filter hook output priority filter;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain nat-postrouting {{ type nat hook postrouting priority srcnat; jump masquerading; }}
}}
"""


def iptables_mode(family):
    """Chains of kube-proxy's mode iptables with one Service, as `iptables-restore` takes them."""
    vip, old = web.cluster_ips[family], rig.pods["bc"].addresses[family]
    to = old if family == 0 else f"[{old}]"
    names = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"]
    rules = ["-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES",
             "-A POSTROUTING -j KUBE-POSTROUTING"]
    for protocol in ("tcp", "udp"):
        service, endpoint = f"KUBE-SVC-{protocol.upper()}ERIFXISQE", f"KUBE-SEP-{protocol.upper()}7F7OF4"
        external = f"KUBE-EXT-{protocol.upper()}ERIFXISQE"
        names += [service, endpoint, external]
        to_vip = f"-d {vip} -p {protocol} -m {protocol} --dport {PORT}"
        rules += [f"-A KUBE-SERVICES {to_vip} -j {service}",
                  f"-A KUBE-NODEPORTS -p {protocol} -m {protocol} --dport {web.node_port} -j {external}",
                  f"-A {external} -j KUBE-MARK-MASQ", f"-A {external} -j {service}",
                  f"-A {service} ! -s {CLUSTER_CIDRS[family]} {to_vip} -j KUBE-MARK-MASQ",
                  f"-A {service} -j {endpoint}", f"-A {endpoint} -s {old} -j KUBE-MARK-MASQ",
                  f"-A {endpoint} -p {protocol} -m {protocol} -j DNAT --to-destination {to}:{BACKEND_PORT}"]
    rules += [f"-A KUBE-SERVICES -d {rig.a.addresses[family]} -j KUBE-NODEPORTS",
              "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
              "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
              "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0", "-A KUBE-POSTROUTING -j MASQUERADE"]
    return "\n".join(["*nat", *(f":{name} - [0:0]" for name in names), *rules, "COMMIT",
                      "*filter", ":KUBE-FORWARD - [0:0]", "-A FORWARD -j KUBE-FORWARD", "COMMIT", ""])


def ways(family):
    """What is asked of the Service, by whom: the leftovers take all of it."""
    return [(rig.pods["ac"].host, "", web.cluster_ips[family], PORT),
            (rig.a.host, "", web.cluster_ips[family], PORT),
            (rig.outside, rig.a.outside_source[family], rig.a.addresses[family], web.node_port)]


class Leftovers(unittest.TestCase):
    def setUp(self):
        self.host = rig.a.host
        self.addCleanup(self.forget_rules)

    def forget_rules(self):
        self.host.run("nft", "flush", "ruleset")
        for program, names in (("iptables-legacy", "ip_tables_names"),
                               ("ip6tables-legacy", "ip6_tables_names")):
            used = []  # a table that nobody has used is left alone: it would be made
            with self.host.inside(), contextlib.suppress(FileNotFoundError):
                with open("/proc/thread-self/net/" + names, encoding="ascii") as file:
                    used = file.read().split()
            for table in used:
                self.host.run(program, "-t", table, "-F")
                self.host.run(program, "-t", table, "-X")
            if "filter" in used:
                self.host.run(program, "-P", "INPUT", "ACCEPT")

    def needs(self, *programs):
        lacking = [each for each in programs if not shutil.which(each)]
        self.assertEqual(lacking, [], "deploy/install-deps.sh node installs them")

    def start(self):
        wherry = Wherry(rig, rig.a, manifests=folder)
        self.addCleanup(wherry.close)
        return wherry

    def answered_by(self, name, kind=ANSWERED):
        probes = [Probe(host, address, port, protocol, source) for family in (0, 1)
                  for host, source, address, port in ways(family) for protocol in PROTOCOLS]
        outcomes = ask_all(probes)
        again = [i for i, each in enumerate(outcomes) if (each.kind, each.backend) != (kind, name)]
        for i, outcome in zip(again, ask_all([probes[i] for i in again], patience=1.5)):
            outcomes[i] = outcome
        self.assertEqual([f"{probe}: {outcome}" for probe, outcome in zip(probes, outcomes)
                          if (outcome.kind, outcome.backend) != (kind, name)], [])

    def named_until_cleaned_up(self, named):
        wherry = self.start()
        self.answered_by("bc")
        self.assertRegex(wherry.log(), named)
        self.assertRegex(wherry.log(), r"wherry cleanup --kube-proxy")
        code, _, errors = wherry.command("cleanup", "--run-dir", wherry.run_folder)
        self.assertEqual(code, 1, "there is nothing to be done beside a running one")
        self.assertRegex(errors, rf"\bpid {wherry.process.pid}\b.* is left alone")
        self.answered_by("bc")

        code, output, errors = wherry.command("cleanup", "--kube-proxy", "--run-dir",
                                              wherry.run_folder)
        self.assertEqual(code, 0, output + errors)
        self.assertRegex(output, rf"\bpid {wherry.process.pid}\b.* is left alone")
        self.assertIn("nothing is left of kube-proxy", output)
        self.answered_by("a1")
        self.assertEqual(wherry.stop(), 0, wherry.log()[-2000:])

        code, output, errors = wherry.command("cleanup", "--kube-proxy", "--run-dir",
                                              wherry.run_folder)
        self.assertEqual(code, 0, output + errors)
        self.assertIn("nothing is left of steering node", output)
        wherry = self.start()
        self.answered_by("a1")
        self.assertNotRegex(wherry.log(), "kube-proxy")
        self.assertEqual(wherry.stop(), 0, wherry.log()[-2000:])

    def test_R5_the_table_of_mode_nftables(self):
        self.needs("nft")
        self.host.run("nft", "add", "table", "inet", "somebody-elses")
        before = listings(self.host)
        for family in (0, 1):
            self.host.run("nft", "-f", "-", input=nftables_mode(family))
        self.named_until_cleaned_up(r"the nftables table kube-proxy takes Services' packets")
        self.assertEqual([each for each in differences(before, listings(self.host))
                          if each.startswith("nft")], [])

    def test_R5_the_chains_of_mode_iptables_by_iptables_nft(self):
        self.needs("iptables-nft-restore", "ip6tables-nft-restore")
        for family, restore in enumerate(("iptables-nft-restore", "ip6tables-nft-restore")):
            self.host.run(restore, input=iptables_mode(family))
        self.named_until_cleaned_up(r"\d+ chains of kube-proxy \(nftables chain ip6? nat KUBE-")
        rules = self.host.run("nft", "list", "ruleset")
        self.assertNotRegex(rules, "KUBE-(SERVICES|SVC|SEP|EXT|NODEPORTS|FORWARD)")
        self.assertIn("KUBE-MARK-MASQ", rules, "host ports' rules lead there")

    def test_R5_the_chains_of_mode_iptables_by_iptables_legacy(self):
        self.needs("iptables-legacy-restore", "ip6tables-legacy-restore")
        for family, restore in enumerate(("iptables-legacy-restore", "ip6tables-legacy-restore")):
            self.host.run(restore, input=iptables_mode(family))
        self.named_until_cleaned_up(r"\d+ chains of kube-proxy "
                                    r"\(ip6?tables-legacy chain KUBE-[A-Z0-9-]+ of table (nat|filter)")
        for save in ("iptables-legacy-save", "ip6tables-legacy-save"):
            rules = self.host.run(save)
            self.assertNotRegex(rules, "KUBE-(SERVICES|SVC|SEP|EXT|NODEPORTS|FORWARD)")
            self.assertIn("KUBE-MARK-MASQ", rules, "host ports' rules lead there")

    def test_a_firewall_that_drops_what_is_for_this_machine(self):
        self.needs("nft")
        accepted = "\n".join([
            "ct state established,related accept", "meta l4proto ipv6-icmp accept", "iif lo tcp dport 10249 accept"])
        self.host.run("nft", "-f", "-", input=f"""
table inet filter {{
  chain input {{
    type filter hook input priority filter; policy drop;
    {accepted}
  }}
}}
""")
        wherry = self.start()
        self.answered_by("", SILENCE)
        self.assertRegex(wherry.log(), r"a firewall drops packets to this machine .*"
                                       r"nftables chain inet filter input")
        self.assertRegex(wherry.log(), "add rules that accept the Services' addresses and NodePorts")
        # What the log says is enough.
        self.host.run("nft", "-f", "-", input=f"""
add rule inet filter input ip daddr {{ {web.cluster_ips[0]} }} accept
add rule inet filter input ip6 daddr {{ {web.cluster_ips[1]} }} accept
add rule inet filter input meta l4proto {{ tcp, udp }} th dport {web.node_port} accept
""")
        self.answered_by("a1")

    def test_a_firewall_of_iptables_is_named_too(self):
        for program, family in (("iptables-nft", "nftables chain ip filter INPUT"),
                                ("ip6tables-nft", "nftables chain ip6 filter INPUT"),
                                ("iptables-legacy", "iptables-legacy chain INPUT of table filter")):
            with self.subTest(program=program):
                self.needs(program)
                self.host.run(program, "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
                self.host.run(program, "-P", "INPUT", "DROP")
                wherry = self.start()
                self.assertRegex(wherry.log(), "a firewall drops packets to this machine .*" + family)
                self.assertEqual(wherry.stop(), 0)
                self.forget_rules()

    def test_of_a_clean_node_nothing_is_said(self):
        self.host.run("nft", "-f", "-", input="table inet filter { chain input "
                      "{ type filter hook input priority filter; policy accept; }; }\n")
        wherry = self.start()
        self.answered_by("a1")
        self.assertNotRegex(wherry.log(), "kube-proxy|firewall")


if __name__ == "__main__":
    unittest.main()
