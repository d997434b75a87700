#pragma once

#include "balancer/connection_verdict.h"
#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/unique_fd.h"
#include "proxy/tcp/session_quota.h"
#include "proxy/tcp/session_set.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstddef>
#include <optional>

namespace wherry::tcp {

/// Accepts clients on one worker: those of one service port, or those of all of them.
///
/// Belongs to the worker's thread. When sessions or descriptors run out it stops accepting, and
/// clients wait in the kernel's queue: until resume(), or for a moment where the shortage is not
/// ours. stop() before it is destroyed, and let the loop turn once in between.
class Listener {
 public:
  Listener(asio::io_context& loop, Timers& timers, SessionSet& sessions, SessionQuota& quota,
           UniqueFd socket, balancer::Entrance entrance);
  /// For all service ports that steering `node` leads here: the address that a client asked for
  /// tells which, by the SessionSet's own_listeners(). A client of what is gone meanwhile is reset.
  Listener(asio::io_context& loop, Timers& timers, SessionSet& sessions, SessionQuota& quota,
           UniqueFd socket);
  ~Listener();

  void start();
  /// A permit has come free. Accepts one client, if it waits for a permit and a client waits; true
  /// if so.
  bool resume();
  /// The address leads elsewhere from now on.
  void retarget(balancer::Entrance entrance) noexcept { entrance_ = entrance; }
  /// The listening socket; -1 after stop().
  [[nodiscard]] int socket();

  enum class Queued { Refuse, Accept };
  /// Closes the socket. Clients that wait in its queue are refused, or taken first.
  void stop(Queued queued);

 private:
  enum class Accepted { One, None, Paused };

  void wait();
  void accept_some();
  [[nodiscard]] Accepted accept_one();
  [[nodiscard]] std::optional<balancer::Entrance> entrance_of(const SocketAddress& asked) const;
  void note_pause(int error);

  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> socket_;
  UniqueFd unwatched_;  ///< the socket until the loop watches it
  Timers& timers_;
  SessionSet& sessions_;
  SessionQuota& quota_;
  /// What all its clients have connected to; none: that is each one's.
  const std::optional<SocketAddress> address_;
  std::optional<balancer::Entrance> entrance_;  ///< none: asked of each client
  Timer pause_;
  std::size_t pending_ = 0;
  bool starved_ = false;  ///< waits for resume()
};

}  // namespace wherry::tcp
