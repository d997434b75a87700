#include "proxy/steer/bind_steering.h"
#include "tests/proxy/steer/bind_steering_fixture.h"
#include "tests/support/builders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

/// Which listeners there are for each verdict, and whom they answer.
namespace wherry::steer {
namespace {

using model::TrafficPolicy;
using test::at;
using test::ip;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BindSteeringPolicyTest : public BindSteeringTest {
 protected:
  /// The endpoint of a Service is on this node, or elsewhere.
  void put_endpoint(const std::string& name, const std::string& node) {
    tables_.slices.upsert(
        test::slice(name + "-1", name).port("", 8080).endpoint("10.1.0.1").on_node(node));
  }
  static test::ServiceBuilder node_port() {
    return web().type(model::ServiceType::NodePort).node_port(30080);
  }
  [[nodiscard]] const balancer::ClientFilter& filter(const std::string& address) const {
    return host_.filters.at(at(address));
  }
};

TEST_F(BindSteeringPolicyTest, S3_ANodePortHasAListenerOfItsKind) {
  tables_.services.upsert(node_port());
  put_endpoint("web", "node-1");

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80", "open 127.0.0.1:30080"));
  EXPECT_EQ(host_.kinds.at(at("127.0.0.1:80")), balancer::AddressKind::ClusterIp);
  EXPECT_EQ(host_.kinds.at(at("127.0.0.1:30080")), balancer::AddressKind::NodePort);
}

TEST_F(BindSteeringPolicyTest, E9_WithoutEndpointsNeitherHasOne) {
  tables_.services.upsert(node_port().external_policy(TrafficPolicy::Local));

  EXPECT_THAT(apply(), IsEmpty());
}

TEST_F(BindSteeringPolicyTest, E6_WhatIsDroppedHasAListenerThatAnswersNobody) {
  tables_.services.upsert(web().internal_policy(TrafficPolicy::Local));
  put_endpoint("web", "node-1");
  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));

  put_endpoint("web", "node-2");
  EXPECT_THAT(apply(), ElementsAre("filter 127.0.0.1:80"));
  EXPECT_TRUE(filter("127.0.0.1:80").nobody);

  put_endpoint("web", "node-1");
  EXPECT_THAT(apply(), ElementsAre("filter 127.0.0.1:80"));
  EXPECT_TRUE(filter("127.0.0.1:80").everybody());
}

TEST_F(BindSteeringPolicyTest, E8_WithoutALocalEndpointTheNodeAndItsPodsAreAnswered) {
  tables_.services.upsert(node_port().external_policy(TrafficPolicy::Local));
  put_endpoint("web", "node-1");
  apply();

  put_endpoint("web", "node-2");
  EXPECT_THAT(apply(), ElementsAre("filter 127.0.0.1:30080"));
  EXPECT_TRUE(filter("127.0.0.1:30080").node_only);
  EXPECT_FALSE(filter("127.0.0.1:30080").answers(ip("203.0.113.9"), ip("192.0.2.7")));
}

TEST_F(BindSteeringPolicyTest, E8_ThePodsOfTheNodeAreTakenInLive) {
  tables_.services.upsert(node_port().external_policy(TrafficPolicy::Local));
  put_endpoint("web", "node-2");
  apply();

  tables_.builder.set_node(
      balancer::view_of(&test::node("node-1").pod_cidr("10.244.1.0/24").get(), "node-1"));
  EXPECT_THAT(apply(), ElementsAre("filter 127.0.0.1:30080"));
  EXPECT_TRUE(filter("127.0.0.1:30080").answers(ip("10.244.1.9"), ip("192.0.2.7")));
}

TEST_F(BindSteeringPolicyTest, F1_SourceRangesAreThoseOfTheVipAlone) {
  local_.addresses = {ip("192.0.2.1")};
  tables_.services.upsert(
      node_port().type(model::ServiceType::LoadBalancer).load_balancer_ip("192.0.2.1"));
  put_endpoint("web", "node-1");
  EXPECT_THAT(apply(),
              ElementsAre("open 127.0.0.1:80", "open 127.0.0.1:30080", "open 192.0.2.1:80"));

  tables_.services.upsert(node_port()
                              .type(model::ServiceType::LoadBalancer)
                              .load_balancer_ip("192.0.2.1")
                              .source_range("203.0.113.0/24"));
  EXPECT_THAT(apply(), ElementsAre("filter 192.0.2.1:80"));
  EXPECT_TRUE(filter("192.0.2.1:80").answers(ip("203.0.113.9"), ip("192.0.2.1")));
  EXPECT_FALSE(filter("192.0.2.1:80").answers(ip("203.0.114.9"), ip("192.0.2.1")));
}

TEST_F(BindSteeringPolicyTest, AnAddressThatChangesItsKindIsRetargeted) {
  local_.addresses = {ip("192.0.2.1")};
  tables_.services.upsert(web().external_ip("192.0.2.1"));
  put_endpoint("web", "node-1");
  apply();

  tables_.services.upsert(web().load_balancer_ip("192.0.2.1"));

  EXPECT_THAT(apply(), ElementsAre("retarget 192.0.2.1:80"));
  EXPECT_EQ(host_.kinds.at(at("192.0.2.1:80")), balancer::AddressKind::LoadBalancerIp);
}

// What stands for sockets here takes no filter.
TEST_F(BindSteeringPolicyTest, E6_AFilterThatTheKernelDoesNotTakeIsCountedAndSaidOnce) {
  tables_.services.upsert(web().internal_policy(TrafficPolicy::Local));
  put_endpoint("web", "node-2");

  EXPECT_THAT(apply(), ElementsAre("open 127.0.0.1:80"));

  EXPECT_EQ(steering_->filter_failures(), 3u) << "one for each worker's socket";
  EXPECT_EQ(log_.count("a listener has no packet filter"), 1);
}

}  // namespace
}  // namespace wherry::steer
