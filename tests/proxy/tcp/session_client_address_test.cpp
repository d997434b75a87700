// Whose address a backend sees, of a session: in a network namespace that has the addresses of pods
// as its own, so that nothing has to bring the answers back.
#include "base/raw_socket_address.h"
#include "tests/proxy/tcp/session_fixture.h"
#include "tests/support/net_namespace.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace wherry::tcp {
namespace {

using balancer::AddressKind;
using balancer::Entrance;
using balancer::LocalNetworks;
using model::TrafficPolicy;
using test::at;
using test::ip;
using test::TestListener;

class SessionClientAddressTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    if (const std::string why = test::why_no_namespace(); !why.empty()) GTEST_SKIP() << why;
    space_ = std::make_unique<test::NetNamespace>();
    for (const char* address : {"10.244.1.3", "10.244.1.9", "203.0.113.9"}) {
      space_->ip(std::string("addr add ") + address + "/32 dev lo");
    }
    inside_ = std::make_unique<test::NetNamespace::Inside>(*space_);
    backend_ = std::make_unique<TestListener>(SocketAddress{ip("10.244.1.3"), 0});
    serve(TrafficPolicy::Cluster);
    const std::vector<Cidr> pods = {test::cidr("10.244.1.0/24")};
    const std::vector<IpAddress> own = {ip("192.0.2.7")};
    sessions_->use_local_networks(std::make_shared<const LocalNetworks>(pods, own));
  }
  ~SessionClientAddressTest() override {
    if (sessions_) sessions_->close_all(CloseReason::Shutdown);
  }

  void serve(TrafficPolicy external) {
    services_.upsert(test::service("web")
                         .type(model::ServiceType::LoadBalancer)
                         .cluster_ip("10.96.0.1")
                         .port("", 80)
                         .node_port(30080)
                         .load_balancer_ip("198.51.100.1")
                         .external_policy(external));
    slices_.upsert(test::slice("s-1", "web")
                       .port("", backend_->address().port)
                       .endpoint("10.244.1.3")
                       .on_node("node-1"));
    builder_.set_node({{"node-1", ""}, {}, {}});
    exchange_table();
  }

  /// Whom the backend sees of a client with this address.
  SocketAddress seen_of(const char* client, AddressKind kind) {
    return seen_of(test::tcp_pair(), client, kind);
  }
  SocketAddress seen_of(test::TcpPair pair, const char* client, AddressKind kind) {
    const std::uint64_t before = sessions_->counters().sessions_active.value();
    near_.push_back(std::move(pair.near));
    come_in(std::move(pair.far), at(client), Entrance(id(), kind));
    EXPECT_TRUE(turn_until([&] { return sessions_->counters().sessions_active.value() > before; }));
    const UniqueFd pod = backend_->accept();
    RawSocketAddress raw;
    ::getpeername(pod.get(), raw.get(), &raw.size);
    return raw.to_socket_address();
  }

  std::unique_ptr<test::NetNamespace> space_;
  std::unique_ptr<test::NetNamespace::Inside> inside_;
  std::unique_ptr<TestListener> backend_;
  std::vector<UniqueFd> near_;
};

TEST_F(SessionClientAddressTest, F5_APodsAddressReachesTheBackend) {
  EXPECT_EQ(seen_of("10.244.1.9:40000", AddressKind::ClusterIp).ip, ip("10.244.1.9"));
  EXPECT_EQ(sessions_->counters().dials_as_client.value(), 1u);
}

TEST_F(SessionClientAddressTest, F6_AHairpinComesFromTheNode) {
  EXPECT_NE(seen_of("10.244.1.3:40000", AddressKind::ClusterIp), at("10.244.1.3:40000"));
  EXPECT_EQ(sessions_->counters().dials_as_client.value(), 0u);
}

TEST_F(SessionClientAddressTest, E7_AnOutsidersAddressDependsOnTheExternalPolicy) {
  EXPECT_NE(seen_of("203.0.113.9:40000", AddressKind::LoadBalancerIp).ip, ip("203.0.113.9"));
  serve(TrafficPolicy::Local);
  EXPECT_EQ(seen_of("203.0.113.9:40001", AddressKind::LoadBalancerIp).ip, ip("203.0.113.9"));
  // The policy is not about the clusterIP.
  EXPECT_NE(seen_of("203.0.113.9:40002", AddressKind::ClusterIp).ip, ip("203.0.113.9"));
}

TEST_F(SessionClientAddressTest, WithoutAWayBackNobodysAddressIsShown) {
  sessions_->use_local_networks(nullptr);

  EXPECT_NE(seen_of("10.244.1.9:40000", AddressKind::ClusterIp).ip, ip("10.244.1.9"));
}

TEST_F(SessionClientAddressTest, WhatCanNotBeHadIsCountedAndComesFromTheNode) {
  if (seen_of("10.244.1.9:40000", AddressKind::ClusterIp).port != 40000) {
    GTEST_SKIP() << "before Linux 6.3 the client's port is not kept, so that it can't be in use";
  }
  test::TcpPair pair = test::tcp_pair();
  // The client's port is in use towards this backend, and there is no other.
  std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40000";

  const SocketAddress seen = seen_of(std::move(pair), "10.244.1.9:40000", AddressKind::ClusterIp);

  EXPECT_NE(seen.ip, ip("10.244.1.9"));
  EXPECT_EQ(sessions_->counters().client_address_failures[transparent::Failure::NoPorts].value(),
            1u);
}

}  // namespace
}  // namespace wherry::tcp
