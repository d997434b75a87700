// Which decision a session follows: by the kind of address, and by who the client is.
#include "tests/proxy/tcp/session_fixture.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace wherry::tcp {
namespace {

using balancer::AddressKind;
using balancer::Entrance;
using model::TrafficPolicy;
using test::at;
using test::TestListener;

class SessionPolicyTest : public SessionTest {
 protected:
  /// A Service whose one endpoint is on another node.
  void serve(test::ServiceBuilder service, const SocketAddress& backend) {
    services_.upsert(service);
    slices_.upsert(test::slice("s-1", "web")
                       .port("", backend.port)
                       .endpoint(backend.ip.to_string())
                       .on_node("node-2"));
    builder_.set_node({{"node-1", ""}, {}, {test::cidr("10.244.1.0/24")}});
    exchange_table();
  }
  /// A client of this address comes in; true if it reaches the backend.
  bool reaches(const TestListener& backend, const std::string& client, AddressKind kind) {
    return reaches(backend, client, Entrance(id(), kind));
  }
  bool reaches(const TestListener& backend, const std::string& client, Entrance entrance,
               const std::optional<SocketAddress>& local = std::nullopt) {
    const std::uint64_t before = refusals();
    test::TcpPair pair = test::tcp_pair();
    const SocketAddress asked = local.value_or(local_end(pair.far.get()));
    sessions_->open(std::move(pair.far), at(client), entrance, quota_.try_acquire(), asked);
    const bool decided = turn_until(
        [&] { return refusals() > before || sessions_->counters().sessions_active.value() > 0; });
    EXPECT_TRUE(decided);
    if (refusals() > before) {
      EXPECT_TRUE(test::is_reset(pair.near.get()));
      return false;
    }
    const UniqueFd pod = backend.accept();
    sessions_->close_all(CloseReason::Shutdown);
    (void)turn_until([&] { return sessions_->idle(); });
    return true;
  }
  [[nodiscard]] std::uint64_t refusals() const {
    return closed(CloseReason::NoLocalEndpoints) + closed(CloseReason::SourceRanges) +
           closed(CloseReason::NoEndpoints);
  }
};

TEST_F(SessionPolicyTest, E6_TheClusterIpFollowsTheInternalPolicy) {
  const TestListener backend;
  serve(web().internal_policy(TrafficPolicy::Local), backend.address());

  EXPECT_FALSE(reaches(backend, "10.244.1.9:5", AddressKind::ClusterIp));
  EXPECT_EQ(closed(CloseReason::NoLocalEndpoints), 1u);
  EXPECT_TRUE(reaches(backend, "203.0.113.9:5", AddressKind::NodePort));
}

TEST_F(SessionPolicyTest, E7_OutsidersFollowTheExternalPolicy) {
  const TestListener backend;
  serve(web().external_policy(TrafficPolicy::Local), backend.address());

  EXPECT_FALSE(reaches(backend, "203.0.113.9:5", AddressKind::NodePort));
  EXPECT_FALSE(reaches(backend, "203.0.113.9:5", AddressKind::LoadBalancerIp));
  EXPECT_EQ(closed(CloseReason::NoLocalEndpoints), 2u);
  EXPECT_TRUE(reaches(backend, "203.0.113.9:5", AddressKind::ClusterIp));
}

TEST_F(SessionPolicyTest, E8_TheNodeAndItsPodsReachTheClusterSet) {
  const TestListener backend;
  serve(web().external_policy(TrafficPolicy::Local), backend.address());

  EXPECT_TRUE(reaches(backend, "10.244.1.9:5", AddressKind::NodePort));
  EXPECT_TRUE(reaches(backend, "127.0.0.1:5", AddressKind::LoadBalancerIp));
  EXPECT_EQ(refusals(), 0u);
}

TEST_F(SessionPolicyTest, E8_WhomTheKernelHasLetInIsOfThisNodeWhateverItsAddress) {
  const TestListener backend;
  serve(web().external_policy(TrafficPolicy::Local), backend.address());
  Entrance entrance(id(), AddressKind::LoadBalancerIp);

  EXPECT_FALSE(reaches(backend, "203.0.113.9:5", entrance));
  entrance.is_judged = true;
  EXPECT_TRUE(reaches(backend, "203.0.113.9:5", entrance));
}

TEST_F(SessionPolicyTest, E8_WhatComesFromTheAddressThatItAsksIsOfThisNode) {
  const TestListener backend;
  serve(web().external_policy(TrafficPolicy::Local), backend.address());
  const Entrance entrance(id(), AddressKind::LoadBalancerIp);

  EXPECT_FALSE(reaches(backend, "198.51.100.1:5", entrance, at("198.51.100.2:80")));
  EXPECT_TRUE(reaches(backend, "198.51.100.1:5", entrance, at("198.51.100.1:80")));
}

TEST_F(SessionPolicyTest, F1_SourceRangesAreLookedAtForEachConnection) {
  const TestListener backend;
  serve(web().source_range("203.0.113.0/24"), backend.address());

  EXPECT_TRUE(reaches(backend, "203.0.113.9:5", AddressKind::LoadBalancerIp));
  EXPECT_FALSE(reaches(backend, "203.0.114.9:5", AddressKind::LoadBalancerIp));
  EXPECT_EQ(closed(CloseReason::SourceRanges), 1u);
  EXPECT_TRUE(reaches(backend, "203.0.114.9:5", AddressKind::NodePort));
}

TEST_F(SessionPolicyTest, AnAddressThatTheServiceHasNoMoreRefuses) {
  const TestListener backend;
  serve(test::service("web").cluster_ip("10.0.0.1").port("", 80), backend.address());

  EXPECT_FALSE(reaches(backend, "203.0.113.9:5", AddressKind::NodePort));
  EXPECT_EQ(closed(CloseReason::NoEndpoints), 1u);
}

}  // namespace
}  // namespace wherry::tcp
