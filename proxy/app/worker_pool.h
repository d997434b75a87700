#pragma once

#include "balancer/backend_table.h"
#include "base/async/asio.h"
#include "base/clock.h"
#include "proxy/app/worker.h"
#include "proxy/steer/bind_steering.h"
#include "proxy/steer/steering.h"
#include "proxy/tcp/counters.h"
#include "proxy/tcp/session_quota.h"
#include "proxy/tcp/session_set.h"
#include "proxy/udp/counters.h"
#include "proxy/udp/flow_set.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace wherry::app {

/// All workers, as the control thread sees them: every call is passed on by posting to each.
///
/// Control thread only.
class WorkerPool final : public steer::ListenerHost, public steer::EntranceHost {
 public:
  WorkerPool(asio::io_context& control, std::size_t workers, const tcp::SessionOptions& options,
             const udp::FlowOptions& flows, const Clock& clock, std::uint64_t max_sessions);
  ~WorkerPool() override;

  void start();
  /// Cuts what is left, ends the threads and waits for them.
  void stop();

  /// What is told to the workers from now on waits, until release() sends each of them all of it
  /// as one message.
  void hold() noexcept { holding_ = true; }
  void release();

  /// Gives every worker the same table, each at its own next turn; `live` is called on the control
  /// thread when all of them use it.
  ///
  /// Workers read their table without a lock: the pointer is written by a handler on the same
  /// thread. The replaced table travels back here, so that freeing a large one never stalls a
  /// worker.
  void publish(const std::shared_ptr<const balancer::BackendTable>& table,
               std::function<void()> live);

  /// Whose addresses backends may see (balancer::keeps_client_address()); with null nobody's.
  void use_local_networks(const std::shared_ptr<const balancer::LocalNetworks>& networks);

  // steer::ListenerHost
  [[nodiscard]] std::size_t workers() const override { return workers_.size(); }
  void open(const steer::ListenAddress& address, balancer::Entrance entrance,
            std::vector<UniqueFd> sockets) override;
  void retarget(const steer::ListenAddress& address, balancer::Entrance entrance) override;
  void filter(const steer::ListenAddress& address, const balancer::ClientFilter& clients) override;
  void close(const steer::ListenAddress& address, std::function<void()> closed) override;

  // steer::EntranceHost
  void open_shared(Protocol protocol, IpFamily family, std::vector<UniqueFd> sockets) override;
  void use_pod_interfaces(std::vector<unsigned> interfaces) override;
  void lead(std::vector<steer::EntranceChange> changes, std::function<void()> done) override;

  /// No more new clients. `closed` is called on the control thread when no listener is left.
  void close_listeners(std::function<void()> closed);
  struct Carried {
    std::vector<tcp::SessionSnapshot> sessions;
    std::vector<udp::FlowSnapshot> flows;
  };
  /// Every established session and every flow, asked of each worker; `take` is called once on the
  /// control thread.
  void gather(std::function<void(Carried)> take);

  void set_max_sessions(std::uint64_t limit) { quota_.set_limit(limit); }
  [[nodiscard]] std::uint64_t max_sessions() const noexcept { return quota_.limit(); }
  /// Sessions that are not over yet, established or on the way there.
  [[nodiscard]] std::uint64_t sessions() const noexcept { return quota_.used(); }
  /// How many UDP flows there may be at once, in all and of one client address; 0 there: a quarter,
  /// and what nobody else wants (udp::FlowTable).
  void set_max_flows(std::uint64_t limit, std::uint64_t per_source);
  [[nodiscard]] std::uint64_t max_flows() const noexcept { return max_flows_; }
  /// UDP flows that there are now.
  [[nodiscard]] std::uint64_t flows() const;
  /// What all workers counted, by a function that picks a count.
  [[nodiscard]] std::uint64_t sum(
      const std::function<std::uint64_t(const tcp::Counters&)>& count) const;
  [[nodiscard]] std::uint64_t sum_udp(
      const std::function<std::uint64_t(const udp::Counters&)>& count) const;

 private:
  using Message = std::function<void()>;

  /// Runs `message` on a worker: now, as a message of its own, or at release().
  void tell(std::size_t worker, Message message);
  /// Runs `what` on each worker, then `done` on the control thread.
  void on_each(const std::function<void(Worker&)>& what, std::function<void()> done);

  asio::io_context& control_;
  tcp::SessionQuota quota_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint64_t max_flows_ = 0;
  std::uint64_t max_flows_per_source_ = 0;
  bool holding_ = false;
  std::vector<std::vector<Message>> held_;  ///< by worker
};

}  // namespace wherry::app
