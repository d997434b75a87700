#pragma once

#include "balancer/connection_verdict.h"
#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/unique_fd.h"
#include "proxy/udp/flow_set.h"
#include "proxy/udp/reply_path.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace wherry::udp {

/// Which service port an address leads to; nothing where none has it.
using EntranceOf = std::function<std::optional<balancer::Entrance>(const SocketAddress& asked)>;

/// Reads what clients send to one socket of one worker.
///
/// Belongs to the worker's thread. stop() before it is destroyed, and let the loop turn once in
/// between.
class Listener {
 public:
  /// The socket is bound to `address` (the wildcard's stands for every address with its port),
  /// which leads to `entrance`. Answers leave by the same socket.
  Listener(asio::io_context& loop, Timers& timers, FlowSet& flows, UniqueFd socket,
           const SocketAddress& address, balancer::Entrance entrance);
  /// The socket gets datagrams for many addresses, whatever it is bound to (sk_lookup): each tells
  /// which one was asked, and `entrance_of` where that leads; and by which interface it came in.
  /// Answers leave by `reply_path`.
  Listener(asio::io_context& loop, Timers& timers, FlowSet& flows, UniqueFd socket, IpFamily family,
           EntranceOf entrance_of, std::unique_ptr<ReplyPath> reply_path);
  ~Listener();

  void start();
  /// The address leads elsewhere from now on. Only with a bound address.
  void retarget(balancer::Entrance entrance) noexcept { entrance_ = entrance; }

  /// Reads what is there already, and nothing that comes later; answers still go out.
  void stop_reading();
  /// Closes the socket; flows that came in by it end.
  void stop();

 private:
  void prepare(IpFamily family);
  void wait();
  void read_some(int batches);
  void pass_on(std::span<Datagram> datagrams);
  void note_overflows();

  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> socket_;
  UniqueFd unwatched_;  ///< the socket until the loop watches it
  Timers& timers_;
  FlowSet& flows_;
  const std::optional<SocketAddress> address_;  ///< none: each datagram tells
  const EntranceOf entrance_of_;
  std::optional<balancer::Entrance> entrance_;
  std::unique_ptr<ReplyPath> reply_path_;
  Timer pause_;
  std::size_t pending_ = 0;
  std::uint32_t overflows_ = 0;  ///< that the kernel has told of
  bool is_reading_ = true;
};

}  // namespace wherry::udp
