#pragma once

#include "base/socket_address.h"
#include "proxy/udp/datagram.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/socket.h>

namespace wherry::udp {

/// Buffers for many datagrams, which one call fills (recvmmsg). 2 MiB, of which only those pages
/// are in memory that were used.
///
/// Belongs to one thread.
class ReceiveBatch {
 public:
  static constexpr std::size_t kMost = 32;
  /// No datagram is larger: what comes is never cut off.
  static constexpr std::size_t kSize = 64 * 1024;

  ReceiveBatch();

  struct Received {
    std::size_t count = 0;
    int error = 0;  ///< an errno value where `count` is 0: EAGAIN where nothing is there
  };
  /// Reads up to `most` datagrams into the places from `first` on. Of each, `client` is who sent
  /// it; `asked` is what it was sent to, where the socket tells (receive_asked()), else 0.0.0.0:0.
  [[nodiscard]] Received receive(int fd, std::size_t first, std::size_t most) noexcept;

  [[nodiscard]] Datagram& operator[](std::size_t place) noexcept { return datagrams_[place]; }
  [[nodiscard]] std::span<Datagram> first(std::size_t count) noexcept {
    return {datagrams_.data(), count};
  }
  /// How many datagrams the socket of the last receive() has ever lost for want of room, where it
  /// tells and has lost any (count_overflows()).
  [[nodiscard]] std::uint32_t overflows() const noexcept { return overflows_; }

 private:
  /// For all that a socket may tell of a datagram: over IPv6 136 bytes.
  struct alignas(cmsghdr) Control {
    std::array<std::byte, 192> bytes;
  };

  void read_control(msghdr& message, Datagram& datagram) noexcept;

  std::unique_ptr<std::byte[]> buffers_;
  std::array<Datagram, kMost> datagrams_;
  std::array<mmsghdr, kMost> messages_{};
  std::array<iovec, kMost> vectors_{};
  std::array<sockaddr_storage, kMost> names_{};
  std::array<Control, kMost> controls_{};
  std::uint32_t overflows_ = 0;
};

/// Lets a socket tell which address and port each datagram was sent to. False, and errno says why,
/// if it can't.
[[nodiscard]] bool receive_asked(int fd, IpFamily family) noexcept;
/// Lets a socket tell by which interface each datagram came in. False, and errno says why, if it
/// can't.
[[nodiscard]] bool receive_interface(int fd, IpFamily family) noexcept;
/// Lets a socket join datagrams that follow each other (UDP_GRO, 5.0 on); without that it is only
/// slower.
void join_datagrams(int fd) noexcept;
/// Lets a socket tell how many datagrams it has lost.
void count_overflows(int fd) noexcept;

}  // namespace wherry::udp
