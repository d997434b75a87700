#pragma once

#include "base/clock.h"
#include "base/unique_fd.h"
#include "proxy/udp/datagram.h"
#include "proxy/udp/packet.h"
#include "proxy/udp/send_batch.h"

#include <array>
#include <cstddef>

namespace wherry::udp {

/// Tells clients by ICMP that what they sent came to no one, as the kernel would if they had asked
/// the backend themselves: a client with a connected socket gets ECONNREFUSED at its next call.
///
/// Needs CAP_NET_RAW; without it nothing is sent. At most kMostPerSecond messages: errors must not
/// become a load of their own (RFC 1812, 4.3.2.8). Belongs to one worker's thread.
class UnreachableSender {
 public:
  static constexpr unsigned kMostPerSecond = 1000;

  explicit UnreachableSender(const Clock& clock) noexcept : clock_(clock) {}

  /// True if the client was told.
  bool send(Unreachable what, const Datagram& lost);

 private:
  struct Way {
    UniqueFd socket;
    bool was_tried = false;  ///< whether it may be sent does not change while we run
  };
  [[nodiscard]] int socket_of(IpFamily family);
  [[nodiscard]] bool within_rate();

  const Clock& clock_;
  std::array<Way, 2> ways_;  ///< by family
  SendBatch batch_;
  TimePoint second_begins_{};
  unsigned sent_in_second_ = 0;
};

}  // namespace wherry::udp
