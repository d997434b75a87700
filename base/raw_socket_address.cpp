#include "base/raw_socket_address.h"

#include <algorithm>
#include <netinet/in.h>

namespace wherry {

int address_family(IpFamily family) noexcept {
  return family == IpFamily::IPv4 ? AF_INET : AF_INET6;
}

RawSocketAddress::RawSocketAddress(const SocketAddress& address) noexcept {
  const auto bytes = address.ip.bytes();
  if (address.ip.family() == IpFamily::IPv4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(&v4->sin_addr));
    size = sizeof(sockaddr_in);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(&v6->sin6_addr));
    size = sizeof(sockaddr_in6);
  }
}

SocketAddress RawSocketAddress::to_socket_address() const noexcept {
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&v4->sin_addr);
    return {IpAddress::from_bytes({bytes, 4}), ntohs(v4->sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&v6->sin6_addr);
    return {IpAddress::from_bytes({bytes, 16}), ntohs(v6->sin6_port)};
  }
  return {};
}

}  // namespace wherry
