#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "balancer/own_listeners.h"
#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/random.h"
#include "proxy/udp/backend_socket.h"
#include "proxy/udp/counters.h"
#include "proxy/udp/datagram.h"
#include "proxy/udp/flow_table.h"
#include "proxy/udp/receive_batch.h"
#include "proxy/udp/reply_path.h"
#include "proxy/udp/send_batch.h"
#include "proxy/udp/unreachable_sender.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace wherry::udp {

/// How flows behave.
struct FlowOptions {
  Duration idle_timeout = std::chrono::seconds(60);  ///< of Services that name none
  unsigned max_attempts = 3;                         ///< backends tried for one datagram
  FlowTable::Limits limits{1024, 1024};
  std::uint64_t seed = 0;  ///< of choices that are left to chance, and of hashes
};

/// A flow in words, for people.
struct FlowSnapshot {
  balancer::ServicePortKey service_port;
  SocketAddress client;
  SocketAddress backend;
  WallTime since;
  std::uint64_t bytes_in = 0;   ///< client to backend
  std::uint64_t bytes_out = 0;  ///< backend to client
};

/// The flows of one worker: finds each client's datagrams a backend, and brings the answers back.
///
/// A flow keeps its backend as long as that is Serving (U2): changes of policies and hints cut
/// none. It is looked at when its client speaks again after the table has changed; the datagram
/// that finds its backend gone goes to another one already. Nothing is queued here: what a socket
/// does not take at once is dropped and counted, so that nobody waits behind anybody else.
///
/// Belongs to the worker's thread; only counters() may be read elsewhere. Before it is destroyed
/// stop() must have been called and the loop have turned once.
class FlowSet {
 public:
  FlowSet(asio::io_context& loop, Timers& timers, const Clock& clock, const FlowOptions& options,
          OpenBackend open_backend);
  ~FlowSet();
  FlowSet(const FlowSet&) = delete;
  FlowSet& operator=(const FlowSet&) = delete;

  /// Datagrams that a client has sent one after the other to an address that leads to `entrance`.
  /// Answers go back by `reply_path`. Precondition: all have the same client and address.
  void receive(std::span<const Datagram> run, balancer::Entrance entrance, ReplyPath& reply_path);
  /// Datagrams that nobody wants.
  void refuse(std::span<const Datagram> run, Drop reason);
  /// Ends the flows whose answers went by this path, which is about to close.
  void end_flows_of(const ReplyPath& reply_path);

  void set_table(std::shared_ptr<const balancer::BackendTable> next) {
    table_ = std::move(next);
    one_way_loops_.clear();
  }
  void set_limits(FlowTable::Limits limits) noexcept { flows_.set_limits(limits); }
  /// Behind which this node's pods are, where that is told by interfaces (F7): sorted.
  void set_pod_interfaces(std::vector<unsigned> interfaces) noexcept {
    pod_interfaces_ = std::move(interfaces);
  }
  /// Kept up to date by whoever opens and closes listeners.
  [[nodiscard]] balancer::OwnListeners& own_listeners() noexcept { return own_listeners_; }

  /// No more datagrams come. Flows whose client waits for an answer have a second left; `drained`
  /// is called, once, when there are no more flows: within this call, or later.
  void drain(std::function<void()> drained);
  /// Ends what is left and waits for nothing more.
  void stop();

  /// Room for what listeners read; free between any two calls of this class.
  [[nodiscard]] ReceiveBatch& batch() noexcept { return batch_; }
  [[nodiscard]] std::size_t size() const noexcept { return flows_.size(); }
  [[nodiscard]] std::vector<FlowSnapshot> snapshots();
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] Counters& mutable_counters() noexcept { return counters_; }

 private:
  struct Chosen {
    const balancer::Backend* backend = nullptr;
    UniqueFd socket;
    Drop reason = Drop::NoEndpoints;  ///< why there is none
  };
  [[nodiscard]] balancer::ConnectionVerdict judge(const balancer::ServicePortEntry* entry,
                                                  balancer::Entrance entrance,
                                                  const Datagram& datagram) const;
  [[nodiscard]] balancer::ClientKind kind_by_interface(const Datagram& datagram) const;
  [[nodiscard]] bool is_still_served(Flow& flow, const balancer::ServicePortEntry* entry);
  /// For `flow`, or, where that is null, for one that is about to begin.
  [[nodiscard]] Chosen choose(const balancer::ServicePortEntry& entry,
                              const balancer::Decision& decision, const FlowKey& key,
                              const Flow* flow);
  [[nodiscard]] Result<UniqueFd> open(const Dial& dial, const Flow* flow);
  [[nodiscard]] bool give_backend(Flow& flow, const balancer::ServicePortEntry& entry,
                                  const balancer::Decision& decision);
  Flow* begin(const FlowKey& key, const balancer::ServicePortEntry& entry,
              const balancer::Decision& decision, ReplyPath& reply_path,
              std::span<const Datagram> run);
  void take(Flow& flow, Chosen chosen, const balancer::ServicePortEntry& entry);
  [[nodiscard]] Duration idle_timeout_of(const balancer::ServicePortEntry& entry) const;
  void follow(Flow& flow, const balancer::ServicePortEntry& entry);
  void leave_backend(Flow& flow) noexcept;
  void send(Flow& flow, const balancer::ServicePortEntry* entry, std::span<const Datagram> run);
  void send_with_header(Flow& flow, const balancer::ServicePortEntry* entry,
                        std::span<const Datagram> run);
  void send_at_once(Flow& flow, const balancer::ServicePortEntry* entry,
                    std::span<const Datagram> run);
  void spread(const balancer::ServicePortEntry& entry, balancer::AddressKind kind,
              const balancer::Decision& decision, std::span<const Datagram> run);
  [[nodiscard]] int one_way_socket(IpFamily family);
  void note_failure(Flow& flow, int error, const Datagram& lost);
  void count_sent(Flow& flow, const Datagram& datagram);
  void drop(std::span<const Datagram> run, Drop reason);
  /// Whether what is sent to `to`, by a socket that is connected to it, comes back here.
  [[nodiscard]] bool leads_back(const balancer::ServicePortEntry& entry, const SocketAddress& to,
                                int connected);
  [[nodiscard]] bool leads_back_one_way(const balancer::ServicePortEntry& entry,
                                        const SocketAddress& to);
  void end(std::unique_ptr<Flow> flow, FlowEnd reason);
  void end_all(FlowEnd reason);

  [[nodiscard]] int poller();
  void wait();
  void on_answers();
  void read_answers(Flow& flow);
  [[nodiscard]] int take_answers(Flow& flow, std::size_t most);
  void flush_answers();

  void arm();
  void expire();
  void check_drained();

  Timers& timers_;
  const Clock& clock_;
  const FlowOptions options_;
  const OpenBackend open_backend_;
  RandomBits chance_;
  std::shared_ptr<const balancer::BackendTable> table_;
  balancer::OwnListeners own_listeners_;
  std::vector<unsigned> pod_interfaces_;  ///< sorted
  FlowTable flows_;
  Counters counters_;
  UnreachableSender unreachable_;
  ReceiveBatch batch_;
  SendBatch sending_;
  std::array<UniqueFd, 2> one_way_;  ///< by family
  struct OneWayLoop {
    bool leads_back = false;
    TimePoint until{};  ///< this machine's addresses may have changed then
  };
  /// By service port and what is dialled; of this table.
  std::map<std::pair<balancer::ServicePortId, SocketAddress>, OneWayLoop> one_way_loops_;
  /// Watches the sockets of all flows: one wait of the loop's, and many of them looked at in a
  /// turn.
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> poller_;
  bool is_waiting_ = false;
  std::array<Flow*, ReceiveBatch::kMost>
      answering_{};          ///< whose answer is at which place of batch_
  std::size_t answers_ = 0;  ///< that wait there to be sent
  Timer expiry_;
  TimePoint armed_for_{};  ///< the deadline for which expiry_ waits
  Timer drain_end_;
  std::function<void()> drained_;  ///< empty unless it drains
};

}  // namespace wherry::udp
