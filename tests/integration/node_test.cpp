#include "base/raw_socket_address.h"
#include "tests/integration/rig.h"
#include "tests/support/net_namespace.h"
#include "tests/support/udp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace wherry::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// What a node has: Services of every kind, with the endpoints on this node that their names say.
const std::string kManifests = R"(
apiVersion: v1
kind: Node
metadata: {name: node-1}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.7}, {type: InternalIP, address: "fd00:2::7"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  clusterIPs: [10.96.0.1, "fd00:96::1"]
  ipFamilies: [IPv4, IPv6]
  externalIPs: [198.51.100.1, 192.0.2.7]
  ports: [{port: 80, nodePort: 30080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-4, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 8080}]
endpoints: [{addresses: [127.0.0.2], nodeName: node-1}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-6, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: "", port: 8080}]
endpoints: [{addresses: ["::1"], nodeName: node-1}]
---
apiVersion: v1
kind: Service
metadata:
  name: dns
  annotations: {wherry.io/port-range: 5300-5400}
spec:
  type: NodePort
  clusterIP: 10.96.0.53
  ports: [{port: 53, protocol: UDP, name: dns, nodePort: 30053}, {port: 5300, protocol: UDP, name: more}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-4, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 8053, protocol: UDP}, {name: more, port: 5300, protocol: UDP}]
endpoints: [{addresses: [127.0.0.2], nodeName: node-1}]
---
apiVersion: v1
kind: Service
metadata: {name: no-dns}
spec: {clusterIP: 10.96.0.54, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {type: NodePort, clusterIP: 10.96.0.2, ports: [{port: 80, nodePort: 30082}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec:
  type: NodePort
  clusterIP: 10.96.0.3
  externalTrafficPolicy: Local
  ports: [{port: 80, nodePort: 30083}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: elsewhere-4, labels: {kubernetes.io/service-name: elsewhere}}
addressType: IPv4
ports: [{name: "", port: 8080}]
endpoints: [{addresses: [127.0.0.2], nodeName: node-2}]
---
apiVersion: v1
kind: Service
metadata:
  name: ranged
  annotations: {wherry.io/port-range: 7000-7100}
spec: {clusterIP: 10.96.0.4, ports: [{port: 7000, targetPort: 8000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ranged-4, labels: {kubernetes.io/service-name: ranged}}
addressType: IPv4
ports: [{name: "", port: 8000}]
endpoints: [{addresses: [127.0.0.2], nodeName: node-1}]
)";

SocketAddress at(const std::string& text) { return SocketAddress::parse(text).value(); }

/// "refused", "silence", or what a server says in its own words.
std::string outcome(const std::string& to) {
  const SocketAddress address = at(to);
  const RawSocketAddress raw(address);
  UniqueFd fd(
      ::socket(address_family(address.ip.family()), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
    return errno == ECONNREFUSED ? "refused" : std::strerror(errno);
  }
  pollfd wait{fd.get(), POLLOUT, 0};
  if (::poll(&wait, 1, 400) == 0) return "silence";
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return error == ECONNREFUSED ? "refused" : std::strerror(error);
  try {
    return receive_to_end(fd.get());
  } catch (const std::runtime_error&) {
    return "reset";  // accepted just before the last endpoint went
  }
}

class Node : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    node_.emplace();
    outside_.emplace();
    node_->ip("link add eth0 type veth peer name eth1 netns " + outside_->path());
    node_->ip("addr add 192.0.2.7/24 dev eth0");
    node_->ip("addr add fd00:2::7/64 dev eth0 nodad");
    node_->ip("link set eth0 up");
    outside_->ip("addr add 192.0.2.100/24 dev eth1");
    outside_->ip("addr add fd00:2::100/64 dev eth1 nodad");
    outside_->ip("link set eth1 up");
    for (const char* block : {"10.96.0.0/16", "198.51.100.0/24"}) {
      outside_->ip(std::string("route add ") + block + " via 192.0.2.7");
    }
    outside_->ip("-6 route add fd00:96::/112 via fd00:2::7");
    folder_.write("all.yaml", kManifests);
    const NetNamespace::Inside inside(*node_);
    pods_.push_back(std::make_unique<TestPod>("pod-4", at("127.0.0.2:8080")));
    pods_.push_back(std::make_unique<TestPod>("pod-6", at("[::1]:8080")));
    udp_pods_.push_back(std::make_unique<UdpPod>("dns-4", at("127.0.0.2:8053")));
    udp_pods_.push_back(std::make_unique<UdpPod>("dns-42", at("127.0.0.2:5342")));
    pods_.push_back(std::make_unique<TestPod>("pod-42", at("127.0.0.2:8042")));
  }
  void TearDown() override {
    if (!node_) return;
    wherry_.reset();
    const NetNamespace::Inside inside(*node_);
    pods_.clear();
    udp_pods_.clear();
  }

  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--manifests",    folder_.path().string() + "/all.yaml",
            "--steering",     "node",
            "--node-name",    "node-1",
            "--service-cidr", "10.96.0.0/16,fd00:96::/112",
            "--run-dir",      folder_.path().string() + "/run"};
  }
  void run() {
    const NetNamespace::Inside inside(*node_);
    wherry_.emplace(wherry_binary(), arguments());
  }
  [[nodiscard]] std::string from_host(const std::string& to) const {
    const NetNamespace::Inside inside(*node_);
    return outcome(to);
  }
  [[nodiscard]] std::string from_outside(const std::string& to) const {
    const NetNamespace::Inside inside(*outside_);
    return outcome(to);
  }
  [[nodiscard]] std::string udp_from_outside(const std::string& to) const {
    const NetNamespace::Inside inside(*outside_);
    UdpSocket socket(at("192.0.2.100:0"));
    socket.connect(at(to));
    socket.send("hello");
    const auto received = socket.receive(std::chrono::milliseconds(400));
    if (received) return received->bytes;
    return socket.error() == ECONNREFUSED ? "refused" : "silence";
  }
  /// What `wherry explain` of the running process says: verdict and contract row.
  [[nodiscard]] std::string explained(const std::string& client, const std::string& to) const {
    const NetNamespace::Inside inside(*node_);
    const auto value = explanation({client, to, "--admin-address", wherry_->admin().to_string()});
    const std::string rule(value.at("rule").as_string());
    return std::string(value.at("verdict").as_string()) + ' ' + rule.substr(0, rule.find(':'));
  }
  [[nodiscard]] std::string in_node(const std::vector<std::string>& command) const {
    const NetNamespace::Inside inside(*node_);
    return run_program(command).out;
  }

  TempFolder folder_;
  std::optional<NetNamespace> node_;
  std::optional<NetNamespace> outside_;
  std::vector<std::unique_ptr<TestPod>> pods_;
  std::vector<std::unique_ptr<UdpPod>> udp_pods_;
  std::optional<WherryProcess> wherry_;
};

TEST_F(Node, ServesEveryKindOfAddressToTheHostAndToOutside) {
  run();

  for (const char* address :
       {"10.96.0.1:80", "192.0.2.7:30080", "198.51.100.1:80", "192.0.2.7:80"}) {
    EXPECT_EQ(from_host(address), "pod-4") << address;
    EXPECT_EQ(from_outside(address), "pod-4") << address;
    EXPECT_EQ(explained("outside", address), "forward E2") << address;
  }
  for (const char* address : {"[fd00:96::1]:80", "[fd00:2::7]:30080"}) {
    EXPECT_EQ(from_host(address), "pod-6") << address;
    EXPECT_EQ(from_outside(address), "pod-6") << address;
  }
  EXPECT_EQ(from_host("127.0.0.1:30080"), "pod-4") << "F3";
  EXPECT_EQ(from_host("[::1]:30080"), "pod-6") << "F3";
}

TEST_F(Node, E9_E10_RefusesByTheKernelAndDropsInSilence) {
  run();

  for (const char* address :
       {"10.96.0.2:80", "192.0.2.7:30082", "10.96.0.1:81", "10.96.0.1:30080"}) {
    EXPECT_EQ(from_host(address), "refused") << address;
    EXPECT_EQ(from_outside(address), "refused") << address;
    EXPECT_THAT(explained("outside", address), HasSubstr("reject")) << address;
  }
  EXPECT_EQ(from_host("10.96.0.99:80"), "silence") << "a free address of the service CIDR";
  EXPECT_EQ(from_outside("10.96.0.99:80"), "silence");
  EXPECT_EQ(explained("outside", "10.96.0.99:80"), "drop E10");
  const NetNamespace::Inside inside(*node_);
  EXPECT_EQ(wherry_->metric("wherry_refused_total"), 0) << "nobody was accepted for it";
}

TEST_F(Node, E7_E8_LocalIsSilentToOutsideAndServesTheHost) {
  run();

  EXPECT_EQ(from_outside("192.0.2.7:30083"), "silence");
  EXPECT_EQ(explained("192.0.2.100", "192.0.2.7:30083"), "drop E7");
  EXPECT_EQ(from_host("192.0.2.7:30083"), "pod-4");
  EXPECT_EQ(explained("node", "192.0.2.7:30083"), "forward E8");
  EXPECT_EQ(from_outside("10.96.0.3:80"), "pod-4") << "the clusterIP knows no such policy";
}

TEST_F(Node, U1_UdpIsAnsweredFromTheAddressThatWasAsked) {
  run();

  EXPECT_EQ(udp_from_outside("10.96.0.53:53"), "dns-4:hello");
  EXPECT_EQ(udp_from_outside("192.0.2.7:30053"), "dns-4:hello");
  EXPECT_EQ(udp_from_outside("10.96.0.53:5342"), "dns-42:hello") << "a port of the range";
  EXPECT_EQ(udp_from_outside("10.96.0.54:53"), "refused");
  EXPECT_EQ(udp_from_outside("10.96.0.53:54"), "refused");
  EXPECT_EQ(udp_from_outside("10.96.0.99:53"), "silence");
}

TEST_F(Node, ARangeOfPortsLeadsToThePodsPortsOneByOne) {
  run();

  EXPECT_EQ(from_outside("10.96.0.4:7042"), "pod-42");
  EXPECT_EQ(from_outside("10.96.0.4:7101"), "refused");
}

TEST_F(Node, E10_AHostProcessOnTheWildcardIsNotReachedAtServicesAddresses) {
  std::unique_ptr<TestPod> host;
  {
    const NetNamespace::Inside inside(*node_);
    host = std::make_unique<TestPod>("host", at("0.0.0.0:9999"));
  }
  run();

  EXPECT_EQ(from_outside("192.0.2.7:9999"), "host") << "the node's own address is the host's";
  EXPECT_EQ(from_outside("10.96.0.1:9999"), "refused");
  EXPECT_EQ(from_outside("198.51.100.1:9999"), "refused");
  EXPECT_EQ(from_outside("10.96.0.99:9999"), "silence");
}

TEST_F(Node, F4_AHostProcessOnANodePortGoesWithoutClients) {
  std::unique_ptr<TestPod> host;
  {
    const NetNamespace::Inside inside(*node_);
    host = std::make_unique<TestPod>("host", at("0.0.0.0:30080"));
  }
  run();

  EXPECT_EQ(from_outside("192.0.2.7:30080"), "pod-4");
  EXPECT_THAT(wherry_->log(), HasSubstr("a process of the host listens on TCP port 30080"));
  const NetNamespace::Inside inside(*node_);
  EXPECT_EQ(wherry_->metric("wherry_node_ports_taken"), 1);
}

TEST_F(Node, FollowsItsManifests) {
  run();
  ASSERT_EQ(from_outside("10.96.0.2:80"), "refused");

  folder_.write("all.yaml", kManifests + R"(
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: empty-4, labels: {kubernetes.io/service-name: empty}}
addressType: IPv4
ports: [{name: "", port: 8080}]
endpoints: [{addresses: [127.0.0.2], nodeName: node-1}]
)");
  EXPECT_TRUE(eventually([&] { return from_outside("10.96.0.2:80") == "pod-4"; }));

  folder_.write("all.yaml", kManifests);
  EXPECT_TRUE(eventually([&] { return from_outside("10.96.0.2:80") == "refused"; }));
}

TEST_F(Node, ASecondOneOnTheNodeIsRefusedAndOneInAnotherNamespaceStarts) {
  run();
  {
    const NetNamespace::Inside inside(*node_);
    auto command = arguments();
    command.insert(command.begin(), "run");
    command.insert(command.end(), {"--admin-address", "127.0.0.1:0"});
    const auto second = wherry(command);
    EXPECT_EQ(second.exit_code, 69);
    std::array<char, 65> host{};
    ASSERT_EQ(::gethostname(host.data(), host.size()), 0);
    EXPECT_THAT(second.err,
                HasSubstr("pid " + std::to_string(wherry_->pid()) + " on " + host.data()));
  }
  const NetNamespace other;
  const NetNamespace::Inside inside(other);
  EXPECT_NO_THROW(WherryProcess(wherry_binary(), arguments()));
}

TEST_F(Node, R5_AStopTakesEverythingBack) {
  const std::vector<std::string> routes{"ip", "-4", "route", "show", "table", "all"};
  const std::string before = in_node(routes);
  run();
  EXPECT_THAT(in_node({"ip", "route", "show", "table", "local"}), HasSubstr("10.96.0.0/16"));
  EXPECT_EQ(wherry_->stop(), 0);

  EXPECT_EQ(in_node(routes), before);
  EXPECT_THAT(in_node({"ip", "-6", "route", "show", "table", "local", "proto", "87"}), IsEmpty());
  EXPECT_EQ(from_host("10.96.0.1:80") == "pod-4", false);
}

TEST_F(Node, R5_AKilledOneIsTakenOverAndCleanupRemovesWhatIsLeft) {
  const std::vector<std::string> routes{"ip", "-4", "route", "show", "table", "all"};
  const std::string before = in_node(routes);
  run();
  wherry_->signal(SIGKILL);
  wherry_->wait();
  EXPECT_THAT(in_node({"ip", "route", "show", "table", "local"}), HasSubstr("10.96.0.0/16"));

  wherry_.reset();
  run();
  EXPECT_EQ(from_outside("10.96.0.1:80"), "pod-4");
  wherry_->signal(SIGKILL);
  wherry_->wait();

  const NetNamespace::Inside inside(*node_);
  const auto cleanup = wherry({"cleanup", "--run-dir", folder_.path().string() + "/run"});
  EXPECT_EQ(cleanup.exit_code, 0) << cleanup.err;
  EXPECT_THAT(cleanup.out, HasSubstr("nothing is left"));
  EXPECT_EQ(in_node(routes), before);
  EXPECT_THAT(in_node({"ip", "-6", "route", "show", "table", "local", "proto", "87"}), IsEmpty());
}

TEST_F(Node, R5_CleanupWithoutTheRecordSaysWhatItCanNotTell) {
  const std::string folder = folder_.path().string();
  const auto clean = [&](const std::string& run_dir) {
    const NetNamespace::Inside inside(*node_);
    return wherry({"cleanup", "--run-dir", folder + run_dir});
  };
  EXPECT_THAT(clean("/other").out, HasSubstr("nothing is left of steering node"));
  run();
  wherry_->signal(SIGKILL);
  wherry_->wait();

  const auto blind = clean("/other");
  EXPECT_EQ(blind.exit_code, 0) << blind.err;
  EXPECT_THAT(blind.out, Not(HasSubstr("nothing is left")));
  EXPECT_THAT(blind.out, HasSubstr("eth0 (3, 2)"));
  EXPECT_THAT(blind.out, HasSubstr(folder + "/other/netns-"));
  EXPECT_THAT(blind.out, HasSubstr("--run-dir"));

  EXPECT_THAT(clean("/run").out, HasSubstr("nothing is left of steering node"));
  EXPECT_EQ(in_node({"cat", "/proc/sys/net/ipv4/conf/eth0/arp_ignore"}), "0\n");
}

TEST_F(Node, R5_CleanupOfKubeProxyRemovesItsRulesWhileWherryRunsAndLeavesThatAlone) {
  EXPECT_EQ(in_node({"nft", "add", "table", "ip", "kube-proxy"}), "");
  ASSERT_THAT(in_node({"nft", "list", "tables"}), HasSubstr("kube-proxy"));
  run();
  const auto clean = [this](std::vector<std::string> more) {
    const NetNamespace::Inside inside(*node_);
    more.insert(more.begin(), {"cleanup", "--run-dir", folder_.path().string() + "/run"});
    return wherry(more);
  };
  const std::string pid = "pid " + std::to_string(wherry_->pid());

  const auto nothing_to_do = clean({});
  EXPECT_EQ(nothing_to_do.exit_code, 1);
  EXPECT_THAT(nothing_to_do.err, HasSubstr(pid));
  const auto done = clean({"--kube-proxy"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr(pid));
  EXPECT_THAT(done.out, HasSubstr("left alone"));

  EXPECT_EQ(in_node({"nft", "list", "tables"}).find("kube-proxy"), std::string::npos);
  EXPECT_EQ(from_outside("10.96.0.1:80"), "pod-4");
}

TEST_F(Node, R7_RoutesThatSomebodyTakesAwayComeBack) {
  run();
  node_->ip("route del local 10.96.0.0/16 dev lo table local");
  EXPECT_TRUE(eventually([&] { return from_outside("10.96.0.1:80") == "pod-4"; }));
  const NetNamespace::Inside inside(*node_);
  EXPECT_GE(wherry_->metric("wherry_steering_repairs_total"), 1);
}

TEST_F(Node, WithoutPrivilegesItFallsBackToBindAndSaysWhy) {
  const NetNamespace::Inside inside(*node_);
  wherry_.emplace(wherry_binary(), arguments(), WherryProcess::WaitUntil::Ready,
                  std::vector<std::string>{"setpriv", "--bounding-set", "-net_admin", "--inh-caps",
                                           "-net_admin"});
  EXPECT_EQ(wherry_->get("/proxyMode"), "bind");
  EXPECT_THAT(wherry_->log(), HasSubstr("CAP_NET_ADMIN is missing"));
}

/// Whether a wherry of these arguments, which may lack privileges, has /healthz on port 10256.
bool has_healthz(std::vector<std::string> arguments, const std::vector<std::string>& without = {}) {
  const WherryProcess wherry(wherry_binary(), std::move(arguments), WherryProcess::WaitUntil::Ready,
                             without);
  const RawSocketAddress port(at("127.0.0.1:10256"));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(client.get(), port.get(), port.size) == 0;
}

TEST_F(Node, H1_HealthzIsOpenOnlyWhereTheNodeIsSteeredOrWhereItIsAskedFor) {
  const NetNamespace::Inside inside(*node_);
  const std::vector<std::string> no_net_admin{"setpriv", "--bounding-set", "-net_admin",
                                              "--inh-caps", "-net_admin"};
  auto asked_for = arguments();
  asked_for.insert(asked_for.end(), {"--healthz-bind-address", "127.0.0.1"});

  EXPECT_TRUE(has_healthz(arguments())) << "manifests are served in steering node";
  EXPECT_FALSE(has_healthz({"--manifests", folder_.path().string() + "/all.yaml"}));
  EXPECT_FALSE(has_healthz(arguments(), no_net_admin)) << "it has fallen back to bind";
  EXPECT_TRUE(has_healthz(asked_for, no_net_admin));
}

TEST_F(Node, WithoutNetRawUdpIsRefusedAndThatIsSaidOnce) {
  {
    const NetNamespace::Inside inside(*node_);
    wherry_.emplace(wherry_binary(), arguments(), WherryProcess::WaitUntil::Ready,
                    std::vector<std::string>{"setpriv", "--bounding-set", "-net_raw", "--inh-caps",
                                             "-net_raw"});
    EXPECT_EQ(wherry_->get("/proxyMode"), "node");
    EXPECT_THAT(wherry_->get("/readyz?verbose"), HasSubstr("CAP_NET_RAW is missing"));
    EXPECT_EQ(wherry_->metric("wherry_steering_problems"), 1);
  }
  const std::string log = wherry_->log();
  const std::size_t said = log.find("CAP_NET_RAW");
  ASSERT_NE(said, std::string::npos);
  EXPECT_EQ(log.find("CAP_NET_RAW", said + 1), std::string::npos) << log;
  EXPECT_EQ(udp_from_outside("10.96.0.53:53"), "refused");
  EXPECT_EQ(udp_from_outside("10.96.0.99:53"), "silence");
  EXPECT_EQ(from_outside("10.96.0.1:80"), "pod-4");
}

TEST_F(Node, WithoutProgramsEachServicePortHasAListenerOnTheSameRoutes) {
  {
    const NetNamespace::Inside inside(*node_);
    wherry_.emplace(wherry_binary(), arguments(), WherryProcess::WaitUntil::Ready,
                    std::vector<std::string>{"setpriv", "--bounding-set", "-bpf,-sys_admin",
                                             "--inh-caps", "-bpf,-sys_admin"});
    EXPECT_EQ(wherry_->get("/proxyMode"), "node");
  }
  EXPECT_THAT(wherry_->log(), HasSubstr("the kernel takes no program"));
  for (const char* address : {"10.96.0.1:80", "192.0.2.7:30080", "198.51.100.1:80"}) {
    EXPECT_EQ(from_host(address), "pod-4") << address;
    EXPECT_EQ(from_outside(address), "pod-4") << address;
  }
  EXPECT_EQ(from_outside("10.96.0.2:80"), "refused");
  EXPECT_EQ(from_outside("192.0.2.7:30083"), "silence");
  EXPECT_EQ(wherry_->stop(), 0);
  EXPECT_THAT(in_node({"ip", "route", "show", "table", "local", "proto", "87"}), IsEmpty());
}

}  // namespace
}  // namespace wherry::test
