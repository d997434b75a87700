#pragma once

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "proxy/transparent/come_from.h"

#include <optional>

namespace wherry::tcp {

/// A connection to a backend that was begun.
struct Dial {
  UniqueFd socket;         ///< none: it failed at once, for the reason in `error`
  bool connected = false;  ///< else it is under way
  int error = 0;
  bool as_client = false;  ///< the backend sees the client's address
  /// It was wanted so, and could not be had.
  std::optional<transparent::Failure> fallback;
};

/// Begins to connect to a backend: from the client's address and port where `as` is given; failing
/// that from another port of the client's; failing that, or else, from this machine's address.
[[nodiscard]] Dial dial(const SocketAddress& backend, const std::optional<SocketAddress>& as);

}  // namespace wherry::tcp
