#pragma once

#include "balancer/backend_table.h"
#include "balancer/client_address.h"
#include "balancer/connection_verdict.h"
#include "balancer/own_listeners.h"
#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/random.h"
#include "proxy/tcp/counters.h"
#include "proxy/tcp/deadline_list.h"
#include "proxy/tcp/session.h"
#include "proxy/tcp/session_quota.h"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::tcp {

/// How sessions behave.
struct SessionOptions {
  Duration connect_timeout = std::chrono::seconds(3);  ///< of one attempt
  unsigned max_attempts = 3;                           ///< backends tried for one client
  Duration idle_timeout{};                             ///< 0: never
  Duration header_timeout = std::chrono::seconds(5);   ///< of a PROXY header that is owed
  std::uint64_t seed = 0;                              ///< of the choices that are left to chance
};

/// The sessions of one worker, and what they share: the table, the counts, the scratch space.
///
/// Belongs to the worker's thread; only counters() may be read elsewhere. Before it is destroyed
/// stop() must have been called and the loop run until the set is idle.
class SessionSet {
 public:
  /// So much is read at once; also the most that one direction of one session keeps.
  static constexpr std::size_t kScratchSize = 64 * 1024;
  /// When so much waits for slow receivers in all, bytes stay in the kernel instead.
  static constexpr std::size_t kMostKept = 32u << 20;

  SessionSet(asio::io_context& loop, Timers& timers, const Clock& clock,
             const SessionOptions& options);
  ~SessionSet();
  SessionSet(const SessionSet&) = delete;
  SessionSet& operator=(const SessionSet&) = delete;

  /// A client has come in. `local` is which of this machine's addresses it has connected to.
  void open(UniqueFd client, const SocketAddress& client_address, balancer::Entrance entrance,
            SessionQuota::Permit permit, const SocketAddress& local);

  /// Returns the table that was in use.
  std::shared_ptr<const balancer::BackendTable> exchange_table(
      std::shared_ptr<const balancer::BackendTable> next);
  [[nodiscard]] const balancer::BackendTable& table() const noexcept { return *table_; }

  /// Since when there are some, clients in them may be seen by backends (keeps_client_address());
  /// with null, which is how it begins, none is.
  void use_local_networks(std::shared_ptr<const balancer::LocalNetworks> networks) noexcept {
    local_networks_ = std::move(networks);
  }
  [[nodiscard]] const balancer::LocalNetworks* local_networks() const noexcept {
    return local_networks_.get();
  }

  /// Kept up to date by whoever opens and closes listeners.
  [[nodiscard]] balancer::OwnListeners& own_listeners() noexcept { return own_listeners_; }

  void close_all(CloseReason reason);
  /// Cuts what is left and waits for nothing more.
  void stop();
  /// Whether there is no session left, not even one whose last operation is still to come back.
  [[nodiscard]] bool idle() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::vector<SessionSnapshot> snapshots() const;
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

  // For sessions.

  [[nodiscard]] asio::io_context& loop() noexcept { return loop_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }
  [[nodiscard]] Counters& mutable_counters() noexcept { return counters_; }
  [[nodiscard]] RandomBits& chance() noexcept { return chance_; }
  [[nodiscard]] DeadlineList& connecting() noexcept { return connecting_; }
  [[nodiscard]] DeadlineList& awaiting_header() noexcept { return awaiting_header_; }
  [[nodiscard]] DeadlineList& idling() noexcept { return idling_; }
  /// Filled and emptied within one callback.
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return {scratch_.get(), kScratchSize}; }
  /// Bytes that relays keep for slow receivers, in all.
  std::size_t kept = 0;
  /// Says in the log that a backend leads back to its service port; once, not for every client.
  void report_loop(const balancer::ServicePortState& service_port, const SocketAddress& backend);
  /// Says in the log what is wrong with the PROXY headers of a peer; once, not for every
  /// connection.
  void report_header(const IpAddress& peer, std::string_view wrong);
  /// Destroys the session after the current callback.
  void retire(Session& session);

 private:
  asio::io_context& loop_;
  const Clock& clock_;
  const SessionOptions options_;
  RandomBits chance_;
  std::shared_ptr<const balancer::BackendTable> table_;
  std::shared_ptr<const balancer::LocalNetworks> local_networks_;
  balancer::OwnListeners own_listeners_;
  SocketAddress reported_loop_;  ///< the last backend that report_loop() named
  IpAddress reported_peer_;      ///< the last one that report_header() named
  Counters counters_;
  DeadlineList connecting_;
  DeadlineList awaiting_header_;
  DeadlineList idling_;
  std::unique_ptr<std::byte[]> scratch_;
  using List =
      boost::intrusive::list<Session,
                             boost::intrusive::base_hook<boost::intrusive::list_base_hook<
                                 boost::intrusive::tag<class SessionListTag>,
                                 boost::intrusive::link_mode<boost::intrusive::auto_unlink>>>,
                             boost::intrusive::constant_time_size<false>>;
  List sessions_;
  std::vector<std::unique_ptr<Session>> retired_;
  std::size_t count_ = 0;
};

}  // namespace wherry::tcp
