#pragma once

#include "base/socket_address.h"

#include <sys/socket.h>

namespace wherry {

/// A SocketAddress in the kernel's form, for bind(), connect() and what accept() filled in.
struct RawSocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  RawSocketAddress() = default;
  explicit RawSocketAddress(const SocketAddress& address) noexcept;

  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  /// 0.0.0.0:0 for families other than IPv4 and IPv6.
  [[nodiscard]] SocketAddress to_socket_address() const noexcept;
};

/// AF_INET or AF_INET6.
[[nodiscard]] int address_family(IpFamily family) noexcept;

}  // namespace wherry
