#pragma once

#include "base/socket_address.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sys/socket.h>

namespace wherry::udp {

/// One datagram (or several joined ones) on its way out of a socket.
struct Outgoing {
  /// None: where the socket is connected. A raw socket takes no port: it is 0.
  std::optional<SocketAddress> to;
  std::uint32_t scope = 0;              ///< interface of a link-local `to`
  std::optional<IpAddress> from;        ///< the source address; none: the socket's
  std::span<const std::byte> header{};  ///< before the bytes
  std::span<const std::byte> bytes{};
  std::size_t segment = 0;  ///< as Datagram::segment; with `header` 0
};

/// Sends many datagrams with one call (sendmmsg), and joined ones as such (UDP_SEGMENT, 4.18 on),
/// or, where the device or the kernel can't, one by one.
///
/// Belongs to one thread. Never waits.
class SendBatch {
 public:
  static constexpr std::size_t kMost = 32;

  struct Sent {
    std::size_t count = 0;  ///< of `all`, from its beginning
    int error = 0;          ///< an errno value, of the one after those; 0: all were sent
  };
  /// Precondition: at most kMost.
  [[nodiscard]] Sent send(int fd, std::span<const Outgoing> all) noexcept;

 private:
  struct alignas(cmsghdr) Control {
    std::array<std::byte, 64> bytes;
  };

  void fill(std::size_t place, const Outgoing& outgoing) noexcept;
  [[nodiscard]] int send_segments(int fd, std::size_t place, const Outgoing& joined) noexcept;

  std::array<mmsghdr, kMost> messages_{};
  std::array<std::array<iovec, 2>, kMost> vectors_{};
  std::array<sockaddr_storage, kMost> names_{};
  std::array<Control, kMost> controls_{};
};

}  // namespace wherry::udp
