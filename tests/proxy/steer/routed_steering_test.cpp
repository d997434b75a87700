#include "proxy/steer/routed_steering.h"

#include "tests/proxy/steer/bind_steering_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace wherry::steer {
namespace {

using test::ip;
using test::service;
using ::testing::ElementsAre;

class FakeNetwork final : public SteeredNetwork {
 public:
  [[nodiscard]] std::vector<IpAddress> addresses() const override { return {}; }
  [[nodiscard]] std::vector<IpAddress> node_port_addresses(
      const NodePortRule&, const std::vector<IpAddress>&) const override {
    return {};
  }
  [[nodiscard]] std::vector<unsigned> pod_interfaces() const override { return {}; }
  void configure(const std::vector<Cidr>&, const std::vector<IpAddress>&) override {}
  void route(const std::vector<IpAddress>& add, const std::vector<IpAddress>& remove) override {
    for (const IpAddress& each : add) routed.insert(each);
    for (const IpAddress& each : remove) routed.erase(each);
  }
  Repairs check() override { return {}; }
  [[nodiscard]] std::vector<std::string> problems() const override { return {}; }
  [[nodiscard]] std::size_t routes() const noexcept override { return routed.size(); }
  void undo() noexcept override {}

  std::set<IpAddress> routed;
};

class RoutedSteeringTest : public ::testing::Test {
 protected:
  RoutedSteeringTest() {
    ListenRules rules;
    rules.beside_node = false;
    steering_ = std::make_unique<RoutedSteering>(
        std::vector{IpFamily::IPv4}, std::vector<Cidr>{}, network_, timers_,
        std::make_unique<BindSteering>(rules, local_, listeners_, timers_, std::ref(sockets_), 1000,
                                       [] {}));
  }

  test::LogCapture log_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  balancer::Tables tables_;
  FakeNetwork network_;
  FakeLocalAddresses local_;
  FakeListenerHost listeners_;
  FakeOpenListenSockets sockets_;
  std::unique_ptr<RoutedSteering> steering_;
};

/// What `explain` goes by.
TEST_F(RoutedSteeringTest, E10_FreePortsOfAnAddressAreLeftToTheHostsProcesses) {
  tables_.services.upsert(service("web").cluster_ip("10.96.0.1").port("", 80));
  steering_->apply(tables_.build());

  EXPECT_THAT(network_.routed, ElementsAre(ip("10.96.0.1")));
  EXPECT_TRUE(steering_->is_complete());
  EXPECT_TRUE(steering_->passes(ip("10.96.0.1"))) << "no program keeps them away";
  EXPECT_TRUE(steering_->passes(ip("192.0.2.7")));
}

}  // namespace
}  // namespace wherry::steer
