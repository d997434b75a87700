#pragma once

#include "proxy/steer/bind_steering.h"
#include "tests/balancer/tables.h"
#include "tests/proxy/steer/fake_local_addresses.h"
#include "tests/support/builders.h"
#include "tests/support/log_capture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <fcntl.h>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::steer {

using Texts = std::vector<std::string>;

/// Workers that note what they are told, and complain of what makes no sense.
class FakeListenerHost final : public ListenerHost {
 public:
  [[nodiscard]] std::size_t workers() const override { return 3; }
  void open(const ListenAddress& address, balancer::Entrance entrance,
            std::vector<UniqueFd> sockets) override {
    EXPECT_EQ(sockets.size(), workers()) << "one socket for each worker";
    EXPECT_FALSE(closing.contains(address))
        << "open() of " << address.to_string() << " before it was closed";
    EXPECT_TRUE(served.emplace(address, entrance.service_port).second) << "open() of what is open";
    kinds[address] = entrance.kind;
    for (std::size_t i = 0; i < sockets.size(); ++i) sockets_of_worker[i] += sockets[i] ? 1 : 0;
    told.push_back("open " + address.to_string());
  }
  void retarget(const ListenAddress& address, balancer::Entrance entrance) override {
    ASSERT_TRUE(served.contains(address)) << "retarget() of what is not open";
    EXPECT_FALSE(served[address] == entrance.service_port && kinds[address] == entrance.kind)
        << "retarget() to what it served already";
    served[address] = entrance.service_port;
    kinds[address] = entrance.kind;
    told.push_back("retarget " + address.to_string());
  }
  void filter(const ListenAddress& address, const balancer::ClientFilter& clients) override {
    ASSERT_TRUE(served.contains(address)) << "filter() of what is not open";
    filters[address] = clients;
    told.push_back("filter " + address.to_string());
  }
  void close(const ListenAddress& address, std::function<void()> closed) override {
    EXPECT_EQ(served.erase(address), 1u) << "close() of what is not open";
    closing.emplace(address, std::move(closed));
    told.push_back("close " + address.to_string());
  }

  /// The workers have let go of everything that they were told to close.
  void acknowledge() {
    for (auto& [address, closed] : std::exchange(closing, {})) closed();
  }
  Texts take_told() { return std::exchange(told, {}); }

  std::map<ListenAddress, balancer::ServicePortId> served;
  std::map<ListenAddress, balancer::AddressKind> kinds;
  std::map<ListenAddress, balancer::ClientFilter> filters;  ///< that were set on open listeners
  std::map<ListenAddress, std::function<void()>> closing;
  std::map<std::size_t, int> sockets_of_worker;  ///< how many it was given
  Texts told;
};

/// A kernel that opens everything but what a test forbids.
struct FakeOpenListenSockets {
  Result<std::vector<UniqueFd>> operator()(const ListenAddress& address, std::size_t count) {
    ++attempts[address.to_string()];
    const auto refusal = refused.find(address.address);
    if (refusal != refused.end()) return refusal->second;
    std::vector<UniqueFd> opened;
    for (std::size_t i = 0; i < count; ++i) {
      opened.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    return opened;
  }
  void refuse(const std::string& address, boost::system::errc::errc_t why) {
    refused.insert_or_assign(test::at(address), boost::system::errc::make_error_code(why));
  }
  void allow(const std::string& address) { refused.erase(test::at(address)); }

  std::map<SocketAddress, error_code> refused;
  std::map<std::string, int> attempts;
};

class BindSteeringTest : public ::testing::Test {
 protected:
  explicit BindSteeringTest(const ListenRules& rules = {}) : BindSteeringTest(rules, 1'000'000) {}
  BindSteeringTest(const ListenRules& rules, std::size_t most_sockets)
      : steering_(
            std::in_place, rules, local_, host_, timers_, std::ref(sockets_), most_sockets,
            [this] { ++changes_; },
            [this](const model::ObjectKey& of, const std::string& reason, const std::string&) {
              events_.push_back(of.to_string() + " " + reason);
            }) {}

  /// A Service with an endpoint, on port 80.
  void serve(const test::ServiceBuilder& object) {
    tables_.services.upsert(object);
    set_ready(object.get().meta.key.name, true);
  }
  void set_ready(const std::string& name, bool ready) {
    auto endpoints = test::slice(name + "-1", name).port("", 8080);
    tables_.slices.upsert(ready ? endpoints.endpoint("10.1.0.1") : endpoints.not_ready("10.1.0.1"));
  }
  void remove(const std::string& name) { tables_.services.erase({"default", name}); }
  /// Lets steering follow, and says what the workers were told.
  Texts apply() {
    steering_->apply(tables_.build());
    return host_.take_told();
  }
  Texts advance(Duration by) {
    timers_.advance(by);
    return host_.take_told();
  }
  Texts acknowledge() {
    host_.acknowledge();
    return host_.take_told();
  }

  [[nodiscard]] balancer::ServicePortId id(const std::string& name) const {
    const auto* entry = balancer::find(*tables_.builder.latest(), "default/" + name + "/TCP/IPv4");
    return entry == nullptr ? balancer::ServicePortId{} : entry->id;
  }
  [[nodiscard]] Texts listening(const std::string& name) const {
    Texts texts;
    for (const SocketAddress& address : steering_->listening(id(name))) {
      texts.push_back(address.to_string());
    }
    return texts;
  }
  [[nodiscard]] bool is_serving(const std::string& address, const std::string& name) const {
    const auto served = host_.served.find(test::at(address));
    return served != host_.served.end() && served->second == id(name);
  }
  [[nodiscard]] double metric(const std::string& name) const {
    MetricFamilies families;
    steering_->collect(families);
    for (const MetricFamily& family : families) {
      if (family.name == name) return family.samples.at(0).value;
    }
    return -1;
  }

  static test::ServiceBuilder web() { return test::service("web").port("", 80); }
  static test::ServiceBuilder old_web() { return web().created("2026-01-01T00:00:00Z"); }
  static test::ServiceBuilder api() { return test::service("api").port("", 80); }

  test::LogCapture log_;
  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  FakeLocalAddresses local_;
  FakeListenerHost host_;
  FakeOpenListenSockets sockets_;
  balancer::Tables tables_;
  std::optional<BindSteering> steering_;
  int changes_ = 0;  ///< told by steering
  Texts events_;     ///< told by steering: Service and reason
};

}  // namespace wherry::steer
