#pragma once

#include "base/socket_address.h"

#include <compare>
#include <string>

namespace wherry::steer {

/// Where a service port listens. Protocols have port numbers of their own: 53 of TCP and 53 of UDP
/// are two places (S3).
struct ListenAddress {
  SocketAddress address;
  Protocol protocol = Protocol::TCP;

  ListenAddress() = default;
  ListenAddress(const SocketAddress& at,  // NOLINT(google-explicit-constructor): an address alone
                Protocol of = Protocol::TCP)  // is one of TCP, as everywhere else
      : address(at), protocol(of) {}

  /// "127.0.0.1:80", "127.0.0.1:53/UDP".
  [[nodiscard]] std::string to_string() const {
    return protocol == Protocol::TCP
               ? address.to_string()
               : address.to_string() + '/' + std::string(wherry::to_string(protocol));
  }

  friend auto operator<=>(const ListenAddress&, const ListenAddress&) = default;
};

}  // namespace wherry::steer
