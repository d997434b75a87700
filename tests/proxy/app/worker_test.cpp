// One worker as steering fills it: in a network namespace that has the addresses of Services, pods
// and clients as its own.
#include "proxy/app/worker.h"

#include "balancer/client_address.h"
#include "base/raw_socket_address.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"
#include "tests/support/net_namespace.h"
#include "tests/support/sockets.h"
#include "tests/support/udp.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <net/if.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace wherry::app {
namespace {

using namespace std::chrono_literals;
using balancer::AddressKind;
using balancer::Entrance;
using model::TrafficPolicy;
using test::ip;
using test::UdpSocket;

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    space_ = std::make_unique<test::NetNamespace>();
    for (const char* address : {"198.51.100.1", "10.244.1.9", "203.0.113.9"}) {
      space_->ip(std::string("addr add ") + address + "/32 dev lo");
    }
    inside_ = std::make_unique<test::NetNamespace::Inside>(*space_);
    worker_ =
        std::make_unique<Worker>(0, tcp::SessionOptions(), udp::FlowOptions(), clock_, quota_);
  }
  ~WorkerTest() override {
    if (worker_ == nullptr) return;
    worker_->stop();
    turn();
  }

  void serve(Protocol protocol, const SocketAddress& backend) {
    tables_.services.upsert(test::service("web")
                                .type(model::ServiceType::LoadBalancer)
                                .cluster_ip("10.96.0.1")
                                .port("", 53, std::uint16_t{0}, protocol)
                                .load_balancer_ip("198.51.100.1")
                                .external_policy(TrafficPolicy::Local));
    tables_.slices.upsert(test::slice("web-1", "web")
                              .port("", backend.port, protocol)
                              .endpoint(backend.ip.to_string())
                              .on_node("elsewhere"));
    (void)worker_->exchange_table(tables_.build());
  }
  [[nodiscard]] Entrance entrance(AddressKind kind) const {
    return {tables_.builder.latest()->sorted().front()->id, kind};
  }
  /// A pod of this node, whose address its backends may see, has sent a datagram to the Service.
  [[nodiscard]] UdpSocket pod_asks() {
    const std::vector<Cidr> pods = {test::cidr("10.244.1.0/24")};
    worker_->use_local_networks(
        std::make_shared<const balancer::LocalNetworks>(pods, std::vector<IpAddress>()));
    UdpSocket listening({ip("198.51.100.1"), 0});
    const SocketAddress service = listening.address();
    worker_->open({service, Protocol::UDP}, entrance(AddressKind::ClusterIp),
                  listening.release_non_blocking());
    UdpSocket client({ip("10.244.1.9"), 0});
    client.connect(service);

    client.send("q");
    return client;
  }
  void turn() {
    worker_->loop().restart();
    worker_->loop().poll();
  }
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return test::eventually([&] {
      turn();
      return condition();
    });
  }
  [[nodiscard]] std::uint64_t dropped(udp::Drop reason) const {
    return worker_->udp_counters().dropped[reason].value();
  }

  SystemClock clock_;
  tcp::SessionQuota quota_{10, [] {}};
  balancer::Tables tables_;
  std::unique_ptr<test::NetNamespace> space_;
  std::unique_ptr<test::NetNamespace::Inside> inside_;
  std::unique_ptr<Worker> worker_;
};

/// The kernel lets in whoever speaks by UDP, since it may be of a flow that goes on. Whom addresses
/// do not tell the interface does, as the kernel tells it of connections.
class WorkerJudgesTest : public WorkerTest, public ::testing::WithParamInterface<IpFamily> {
 protected:
  void SetUp() override {
    WorkerTest::SetUp();
    if (worker_ == nullptr) return;
    const bool is_v4 = GetParam() == IpFamily::IPv4;
    vip_ = ip(is_v4 ? "198.51.100.1" : "2001:db8::1");
    far_ = ip(is_v4 ? "203.0.113.20" : "2001:db8:f::20");
    others_ = std::make_unique<test::NetNamespace>();
    space_->ip("link add pod0 type veth peer name eth0 netns " + others_->path());
    for (const char* name : {"2001:db8::1", "2001:db8:e::9"}) {
      space_->ip(std::string("addr add ") + name + "/128 dev lo nodad");
    }
    space_->ip("addr add " + std::string(is_v4 ? "203.0.113.1/24" : "2001:db8:f::1/64 nodad") +
               " dev pod0");
    space_->ip("link set pod0 up");
    others_->ip("addr add " + far_.to_string() + (is_v4 ? "/24" : "/64 nodad") + " dev eth0");
    others_->ip("link set eth0 up");
    others_->ip(std::string(is_v4 ? "" : "-6 ") + "route add default via " +
                (is_v4 ? "203.0.113.1" : "2001:db8:f::1"));
    backend_.emplace();  // inside, as all of it
    serve(Protocol::UDP, backend_->address());
    UdpSocket listening({IpAddress::any(GetParam()), 0});
    asked_ = {vip_, listening.address().port};
    worker_->open_shared(Protocol::UDP, GetParam(), listening.release_non_blocking());
    worker_->lead({{Protocol::UDP, vip_, balancer::PortRange::of(asked_.port),
                    entrance(AddressKind::LoadBalancerIp)}});
  }
  /// One of the other namespace, which is behind pod0.
  [[nodiscard]] UdpSocket client_behind_interface() const {
    const test::NetNamespace::Inside inside(*others_);
    UdpSocket client({far_, 0});
    client.connect(asked_);
    return client;
  }
  [[nodiscard]] bool reaches_backend() {
    return turn_until([&] { return backend_->receive(0ms).has_value(); });
  }

  std::unique_ptr<test::NetNamespace> others_;
  std::optional<UdpSocket> backend_;
  IpAddress vip_;
  IpAddress far_;
  SocketAddress asked_;
};

INSTANTIATE_TEST_SUITE_P(Families, WorkerJudgesTest,
                         ::testing::Values(IpFamily::IPv4, IpFamily::IPv6),
                         [](const auto& family) { return std::string(to_string(family.param)); });

TEST_P(WorkerJudgesTest, U2_WhoComesFromOutsideByUdpIsDroppedHere) {
  const UdpSocket client = client_behind_interface();

  client.send("q");

  EXPECT_TRUE(turn_until([&] { return dropped(udp::Drop::NoLocalEndpoints) == 1; }));
  EXPECT_FALSE(backend_->receive(0ms));
}

TEST_P(WorkerJudgesTest, E8_F7_WhoComesByAPodsInterfaceIsOfThisNode) {
  worker_->use_pod_interfaces({::if_nametoindex("pod0")});
  const UdpSocket client = client_behind_interface();

  client.send("q");

  EXPECT_TRUE(reaches_backend());
  EXPECT_EQ(dropped(udp::Drop::NoLocalEndpoints), 0u);
}

TEST_P(WorkerJudgesTest, E8_WhoIsOnThisMachineIsOfThisNodeWhateverItsAddress) {
  UdpSocket client({ip(GetParam() == IpFamily::IPv4 ? "10.244.1.9" : "2001:db8:e::9"), 0});
  client.connect(asked_);

  client.send("q");

  EXPECT_TRUE(reaches_backend());
}

/// A client whose address tells nothing is carried to another node's endpoint, since the kernel
/// lets in nobody but those of this node.
TEST_F(WorkerTest, E8_WhomSteeringLeadsHereTheKernelHasJudgedOfTcp) {
  const test::TestListener backend;
  serve(Protocol::TCP, backend.address());
  test::TestListener listening({IpAddress::any(IpFamily::IPv4), 0});
  const SocketAddress vip{ip("198.51.100.1"), listening.address().port};
  worker_->open_shared(Protocol::TCP, IpFamily::IPv4, listening.release_non_blocking());
  worker_->lead({{Protocol::TCP, vip.ip, balancer::PortRange::of(vip.port),
                  entrance(AddressKind::LoadBalancerIp)}});
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const RawSocketAddress from(SocketAddress{ip("203.0.113.9"), 0});
  ASSERT_EQ(::bind(client.get(), from.get(), from.size), 0);
  const RawSocketAddress to(vip);
  ASSERT_TRUE(::connect(client.get(), to.get(), to.size) == 0 || errno == EINPROGRESS);

  EXPECT_TRUE(turn_until([&] { return backend.has_client(0ms); }));
  EXPECT_EQ(worker_->counters().closed[tcp::CloseReason::NoLocalEndpoints].value(), 0u);
}

/// Another source would not find a way there either: nothing is counted that says so.
TEST_F(WorkerTest, WhereThereIsNoWayToABackendNoSourceIsToBlame) {
  serve(Protocol::UDP, test::at("192.0.2.1:53"));
  const UdpSocket client = pod_asks();

  EXPECT_TRUE(turn_until([&] { return dropped(udp::Drop::BackendUnreachable) == 1; }));
  EXPECT_EQ(worker_->counters().client_address_failures[transparent::Failure::Other].value(), 0u);
  EXPECT_EQ(worker_->counters().dials_as_client.value(), 0u);
}

TEST_F(WorkerTest, F5_OfUdpAPodsAddressReachesTheBackend) {
  UdpSocket backend({ip("203.0.113.9"), 0});
  serve(Protocol::UDP, backend.address());
  const UdpSocket client = pod_asks();

  std::optional<UdpSocket::Received> got;
  ASSERT_TRUE(turn_until([&] { return (got = backend.receive(0ms)).has_value(); }));
  EXPECT_EQ(got->from.ip, ip("10.244.1.9"));
  EXPECT_EQ(worker_->counters().dials_as_client.value(), 1u);
}

}  // namespace
}  // namespace wherry::app
