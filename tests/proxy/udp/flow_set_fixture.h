#pragma once

#include "balancer/table_builder.h"
#include "proxy/udp/flow_set.h"
#include "proxy/udp/listener.h"
#include "tests/balancer/tables.h"
#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/sockets.h"
#include "tests/support/udp.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::udp {

/// A flow set on a loop that the test turns, with one listener on loopback and a Service whose
/// backends the test chooses.
class FlowSetTest : public ::testing::Test {
 protected:
  ~FlowSetTest() override {
    if (listener_) listener_->stop();
    if (flows_) flows_->stop();
    turn();
  }

  void SetUp() override { start({}); }

  void start(FlowOptions options,
             const SocketAddress& listen = {IpAddress::loopback(IpFamily::IPv4), 0}) {
    if (listener_) listener_->stop();
    if (flows_) flows_->stop();
    turn();
    listener_.reset();
    options.seed = 1;
    flows_.emplace(loop_, timers_, clock_, options, [this](const Dial& dial) -> Result<UniqueFd> {
      const int error = refuse_ ? refuse_(dial.to) : 0;
      if (error != 0) return error_code(error, boost::system::system_category());
      return open_backend_socket(dial.to);
    });
    flows_->set_table(tables_.builder.latest());
    test::UdpSocket socket(listen);
    service_ = socket.address();
    if (service_.ip.is_unspecified()) service_.ip = IpAddress::loopback(service_.ip.family());
    listener_.emplace(loop_, timers_, *flows_, socket.release_non_blocking(),
                      SocketAddress{listen.ip, service_.port}, entrance());
    listener_->start();
  }

  static test::ServiceBuilder dns() {
    return test::service("dns").port("", 53, std::uint16_t{0}, Protocol::UDP);
  }
  [[nodiscard]] static test::SliceBuilder slice(const std::string& name, std::uint16_t port) {
    return test::slice(name, "dns").port("", port, Protocol::UDP);
  }

  /// The Service with these backends, in the order in which round robin takes them.
  void serve(const std::vector<SocketAddress>& backends, const test::ServiceBuilder& service) {
    tables_.services.upsert(service);
    tables_.slices.replace({});
    for (const SocketAddress& backend : backends) {
      auto each = slice("s-" + std::to_string(backend.port), backend.port);
      if (backend.ip.family() == IpFamily::IPv6) each.ipv6();
      tables_.slices.upsert(each.endpoint(backend.ip.to_string()));
    }
    publish();
  }
  void serve(const std::vector<SocketAddress>& backends) { serve(backends, dns()); }
  void publish() {
    flows_->set_table(tables_.build());
    listener_->retarget(entrance());
  }
  [[nodiscard]] balancer::Entrance entrance(
      balancer::AddressKind kind = balancer::AddressKind::ClusterIp) const {
    const auto entries = tables_.builder.latest()->sorted();
    return entries.empty() ? balancer::Entrance() : balancer::Entrance(entries.front()->id, kind);
  }

  void turn() {
    loop_.poll();
    loop_.restart();
  }
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return test::eventually([&] {
      turn();
      return condition();
    });
  }
  /// What comes to a socket while the loop turns; "nothing" if the patience ends.
  std::string next_of(test::UdpSocket& socket) {
    std::optional<test::UdpSocket::Received> got;
    (void)turn_until([&] {
      got = socket.receive(std::chrono::milliseconds(0));
      return got || socket.error() != 0;
    });
    if (got) last_from_ = got->from;
    return got ? got->bytes : socket.error() == ECONNREFUSED ? "refused" : "nothing";
  }
  /// Turns the loop until a datagram of the client's was counted as dropped for this reason.
  [[nodiscard]] bool is_dropped(const test::UdpSocket& client, Drop reason,
                                const std::string& bytes = "x") {
    const std::uint64_t before = dropped(reason);
    client.send(bytes);
    return turn_until([&] { return dropped(reason) == before + 1; });
  }
  [[nodiscard]] test::UdpSocket client() const {
    test::UdpSocket socket({IpAddress::any(service_.ip.family()), 0});
    socket.connect(service_);
    return socket;
  }

  [[nodiscard]] std::uint64_t dropped(Drop reason) const {
    return flows_->counters().dropped[reason].value();
  }
  [[nodiscard]] std::uint64_t ended(FlowEnd reason) const {
    return flows_->counters().ended[reason].value();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  asio::io_context loop_{1};
  balancer::Tables tables_;
  std::optional<FlowSet> flows_;
  std::optional<Listener> listener_;
  SocketAddress service_;                            ///< where clients ask
  SocketAddress last_from_;                          ///< of next_of()
  std::function<int(const SocketAddress&)> refuse_;  ///< why a backend's socket can't be opened
};

}  // namespace wherry::udp
