#pragma once

#include "balancer/service_tracker.h"
#include "balancer/slice_tracker.h"
#include "balancer/table_builder.h"
#include "proxy/tcp/session.h"
#include "proxy/tcp/session_set.h"
#include "proxy/tcp/socket_calls.h"
#include "tests/support/builders.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_timers.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace wherry::tcp {

/// A session set on a loop that the test turns, with a Service whose backends the test chooses.
/// Far ends are blocking sockets: the loop runs in a thread of its own while they are used.
class SessionTest : public ::testing::Test {
 protected:
  ~SessionTest() override {
    stop_loop();
    sessions_->stop();
    while (!sessions_->idle()) loop_.poll();
    loop_.poll();
  }

  void SetUp() override { start({}); }

  void start(const SessionOptions& options) {
    if (sessions_) sessions_->stop();
    sessions_ = std::make_unique<SessionSet>(loop_, timers_, clock_, options);
  }

  /// The Service's backends, in the order in which round robin takes them (the first is 127.0.0.1
  /// or whichever sorts lowest).
  void set_backends(const std::vector<SocketAddress>& backends) {
    services_.upsert(test::service("web").port("", 80));
    slices_.replace({});
    for (const SocketAddress& backend : backends) {
      slices_.upsert(test::slice("s-" + std::to_string(backend.port), "web")
                         .port("", backend.port)
                         .endpoint(backend.ip.to_string()));
    }
    exchange_table();
  }

  /// A Service with every kind of address that a cluster gives.
  static test::ServiceBuilder web() {
    return test::service("web")
        .type(model::ServiceType::LoadBalancer)
        .cluster_ip("10.0.0.1")
        .port("", 80)
        .node_port(30080)
        .load_balancer_ip("198.51.100.1");
  }

  /// The sessions get a table of what the trackers hold by now.
  void exchange_table() {
    auto changed = services_.take_changes();
    changed.merge(slices_.take_changes());
    sessions_->exchange_table(builder_.build(changed));
  }

  [[nodiscard]] balancer::ServicePortId id() const {
    const auto entries = sessions_->table().sorted();
    return entries.empty() ? balancer::ServicePortId{} : entries.front()->id;
  }
  [[nodiscard]] const balancer::ServicePortEntry& entry() const {
    return *sessions_->table().sorted().front();
  }

  /// A session begins for what a client is connected to.
  void come_in(UniqueFd far, const SocketAddress& client, balancer::Entrance entrance) {
    const SocketAddress local = local_end(far.get());
    sessions_->open(std::move(far), client, entrance, quota_.try_acquire(), local);
  }
  /// A client's end; the other one is the session's.
  UniqueFd open_client() {
    test::TcpPair pair = test::tcp_pair();
    client_address_ = pair.near_address;
    come_in(std::move(pair.far), pair.near_address, id());
    return std::move(pair.near);
  }

  /// Turns the loop until `condition` holds.
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return test::eventually([&] {
      loop_.poll();
      loop_.restart();
      return condition();
    });
  }

  /// Runs the loop in the background, so that the test may block on far ends.
  void run_loop() {
    work_.emplace(loop_.get_executor());
    loop_.restart();
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop_loop() {
    work_.reset();
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    loop_.restart();
  }

  /// Sends until nothing more goes in: far more than all socket buffers hold. Returns how much.
  std::size_t fill(const UniqueFd& client) {
    const std::string block(65536, 'x');
    std::size_t taken = 0;
    for (int stuck = 0; stuck < 200;) {
      const ssize_t n = ::send(client.get(), block.data(), block.size(), MSG_DONTWAIT);
      taken += n > 0 ? static_cast<std::size_t>(n) : 0;
      stuck = n > 0 ? 0 : stuck + 1;
      loop_.poll();
    }
    return taken;
  }

  [[nodiscard]] std::uint64_t closed(CloseReason reason) const {
    return sessions_->counters().closed[reason].value();
  }
  [[nodiscard]] std::uint64_t failures(ConnectError error) const {
    return sessions_->counters().connect_failures[error].value();
  }

  test::ManualClock clock_;
  test::ManualTimers timers_{clock_};
  asio::io_context loop_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;
  SessionQuota quota_{100, [] {}};
  balancer::ServiceTracker services_{{}, [] {}};
  balancer::SliceTracker slices_{[] {}};
  balancer::TableBuilder builder_{services_, slices_, ""};
  std::unique_ptr<SessionSet> sessions_;
  SocketAddress client_address_;
};

}  // namespace wherry::tcp
