#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "base/clock.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "proxy/tcp/close_reason.h"
#include "proxy/tcp/deadline_list.h"
#include "proxy/tcp/relay.h"
#include "proxy/tcp/session_quota.h"
#include "proxy/tcp/wire.h"

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::tcp {

class SessionSet;

/// A session in words, for people.
struct SessionSnapshot {
  balancer::ServicePortKey service_port;
  SocketAddress client;
  SocketAddress backend;
  WallTime since;
  std::uint64_t bytes_in = 0;   ///< client to backend
  std::uint64_t bytes_out = 0;  ///< backend to client
};

/// One client's connection: finds it a backend, then relays both ways until both have ended.
///
/// Owned by SessionSet; runs on that worker only. close() may be called at any time and gives the
/// reason; the object goes when the last pending operation has come back, never inside one of its
/// own callbacks.
///
/// Nothing is read from the client before a backend has accepted: until then another backend may
/// be tried, because no byte can have been lost. But for the PROXY header of a peer that speaks for
/// others: it says who the client is, and is taken off before anything is decided.
class Session : public DeadlineHook,
                public boost::intrusive::list_base_hook<
                    boost::intrusive::tag<class SessionListTag>,
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// `local` is which of this machine's addresses the client has connected to.
  Session(SessionSet& owner, UniqueFd client, const SocketAddress& client_address,
          const SocketAddress& local, balancer::Entrance entrance, SessionQuota::Permit permit);
  ~Session();

  /// Looks for a backend, once it is known who the client is.
  void start();
  void close(CloseReason reason);
  /// The timeout of the header, the connect timeout or the idle timeout has passed.
  void on_deadline();

  [[nodiscard]] bool closing() const noexcept { return state_ == State::Closing; }
  [[nodiscard]] bool established() const noexcept { return state_ == State::Relaying; }
  /// Precondition: established().
  [[nodiscard]] SessionSnapshot snapshot() const;

  // For the relays.

  /// Counts a pending operation; each handler begins with came_back().
  void went_out() noexcept { ++pending_; }
  /// False if the session is closing and the handler must do nothing more.
  [[nodiscard]] bool came_back();
  [[nodiscard]] SessionSet& owner() noexcept { return owner_; }
  /// `relay` moved bytes just now.
  void on_moved(const Relay& relay, std::size_t size);
  /// The relay's source has ended its direction. True if the target is to be told so.
  [[nodiscard]] bool on_source_ended(const Relay& relay);
  /// Reading the relay's source failed.
  void on_source_failed(const Relay& relay, int error);
  /// Writing to the relay's target failed.
  void on_target_failed(const Relay& relay, int error);

 private:
  /// (AwaitingHeader ->) Connecting -> Relaying -> Closing; from anywhere to Closing.
  enum class State : std::uint8_t { AwaitingHeader, Connecting, Relaying, Closing };
  enum class Connect : std::uint8_t { Established, InProgress, Failed };

  void take_header();
  void refuse_header(std::string_view wrong);
  void try_backends();
  [[nodiscard]] balancer::ConnectionVerdict judge(const balancer::ServicePortEntry& entry) const;
  [[nodiscard]] std::optional<SocketAddress> client_towards(const SocketAddress& backend);
  [[nodiscard]] Connect begin_connect(const SocketAddress& address);
  void on_connect_writable();
  [[nodiscard]] bool note_failure(ConnectError error);
  void watch_client();
  void begin_dial(const balancer::ServicePortEntry& entry, const balancer::Backend& backend,
                  TimePoint now);
  void end_dial();
  void establish();
  [[nodiscard]] bool introduce_client();
  [[nodiscard]] Relay& opposite(const Relay& relay) noexcept;

  SessionSet& owner_;
  const balancer::Entrance entrance_;
  const SocketAddress local_;  ///< this machine's side of the client's connection
  SessionQuota::Permit permit_;
  Wire client_;
  Wire backend_;
  Relay inward_;                            ///< client to backend
  Relay outward_;                           ///< backend to client
  UniqueFd accepted_;                       ///< the client's socket until start()
  SocketAddress client_address_;            ///< who connects; the PROXY header's word counts
  std::optional<SocketAddress> asked_for_;  ///< where to, by the same word
  SocketAddress backend_address_;
  std::shared_ptr<balancer::BackendState> backend_state_;           ///< of the backend in use
  std::shared_ptr<balancer::ServicePortState> service_port_state_;  ///< for names and counts
  std::vector<SocketAddress> tried_;  ///< backends that failed; empty for nearly every session
  ConnectError last_error_ = ConnectError::Other;
  WallTime since_{};
  TimePoint dial_began_{};
  std::uint32_t pending_ = 0;  ///< operations whose handler has not run yet
  State state_ = State::Connecting;
  balancer::ProxyProtocol header_ = balancer::ProxyProtocol::None;  ///< that the backend wants
  bool is_external_local_ = false;  ///< came from outside, under externalTrafficPolicy Local
  bool dialling_ = false;           ///< counted as load of backend_state_ and service_port_state_
  bool target_failed_ = false;      ///< a relay is broken; failed_reason_ is what the end will be
  CloseReason failed_reason_ = CloseReason::Finished;
};

}  // namespace wherry::tcp
