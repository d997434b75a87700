#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "base/async/asio.h"
#include "base/async/asio_timers.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "proxy/steer/listen_address.h"
#include "proxy/steer/source_program.h"
#include "proxy/steer/steering.h"
#include "proxy/tcp/listener.h"
#include "proxy/tcp/session_quota.h"
#include "proxy/tcp/session_set.h"
#include "proxy/udp/flow_set.h"
#include "proxy/udp/listener.h"

#include <boost/asio/executor_work_guard.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace wherry::app {

/// Serves one core: accepts, relays and expires everything that core carries.
///
/// Owned by WorkerPool; lives until the pool has stopped. Every member function runs on the
/// worker's own thread (post to loop()), except the constructor, start(), join() and what counts.
class Worker {
 public:
  Worker(std::size_t index, const tcp::SessionOptions& options, const udp::FlowOptions& flows,
         const Clock& clock, tcp::SessionQuota& quota);

  /// Starts the thread.
  void start();
  /// Waits for the thread to end, which stop() lets it do.
  void join();

  [[nodiscard]] asio::io_context& loop() noexcept { return loop_; }
  [[nodiscard]] const tcp::Counters& counters() const noexcept { return sessions_.counters(); }
  [[nodiscard]] const udp::Counters& udp_counters() const noexcept { return flows_.counters(); }

  /// Takes a new table into use; returns the old one.
  [[nodiscard]] std::shared_ptr<const balancer::BackendTable> exchange_table(
      std::shared_ptr<const balancer::BackendTable> next) {
    flows_.set_table(next);
    return sessions_.exchange_table(std::move(next));
  }
  void use_local_networks(std::shared_ptr<const balancer::LocalNetworks> networks) noexcept {
    sessions_.use_local_networks(std::move(networks));
  }
  void use_pod_interfaces(std::vector<unsigned> interfaces) noexcept {
    flows_.set_pod_interfaces(std::move(interfaces));
  }
  void open(const steer::ListenAddress& address, balancer::Entrance entrance, UniqueFd socket);
  void retarget(const steer::ListenAddress& address, balancer::Entrance entrance);
  /// Lets the kernel answer these clients only.
  void filter(const SocketAddress& address, const std::vector<sock_filter>& program);
  void close(const steer::ListenAddress& address);
  /// Steering `node`: one socket for all service ports of a protocol and family. Which of them a
  /// client asks for is looked up among what lead() has told.
  void open_shared(Protocol protocol, IpFamily family, UniqueFd socket);
  void lead(const std::vector<steer::EntranceChange>& changes);
  /// No more new clients; those in the kernel's queues are taken first. UDP flows whose client
  /// waits for an answer have a moment left.
  void close_listeners();
  /// A place for a session has come free.
  void resume_listeners();
  [[nodiscard]] std::vector<tcp::SessionSnapshot> sessions() const { return sessions_.snapshots(); }
  [[nodiscard]] std::vector<udp::FlowSnapshot> flows() { return flows_.snapshots(); }
  void set_flow_limits(udp::FlowTable::Limits limits) { flows_.set_limits(limits); }
  /// Cuts what is left and lets the thread end.
  void stop();

 private:
  [[nodiscard]] Result<UniqueFd> open_flow(const udp::Dial& dial);
  /// Its last wait comes back before what is posted now.
  template <class Listener>
  void retire(std::unique_ptr<Listener> listener);
  void close_udp_listeners();

  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  AsioTimers timers_;
  tcp::SessionQuota& quota_;
  tcp::SessionSet sessions_;
  udp::FlowSet flows_;
  std::map<SocketAddress, std::unique_ptr<tcp::Listener>> listeners_;
  std::map<SocketAddress, std::unique_ptr<udp::Listener>> udp_listeners_;
  SocketAddress last_resumed_;  ///< who got the last place that came free
  const std::string name_;
  std::thread thread_;
};

}  // namespace wherry::app
