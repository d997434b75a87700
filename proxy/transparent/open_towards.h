#pragma once

#include "base/result.h"
#include "base/socket_address.h"
#include "proxy/transparent/come_from.h"

#include <functional>
#include <optional>
#include <utility>

namespace wherry::transparent {

/// Gives a socket its source before it is connected. Empty: it has this machine's, which the kernel
/// chooses.
using BindSource = std::function<error_code(int socket)>;

/// A socket towards a backend, and whose address the backend sees.
template <class Socket>
struct Opened {
  Result<Socket> socket;
  bool as_client = false;
  /// The client's address was wanted, and could not be had.
  std::optional<Failure> fallback{};
};

/// Opens a socket towards a backend: from the client's address and port where `as` is given;
/// failing that from another port of the client's; failing that, or else, from this machine's
/// address. What is not the source's fault (no way to the backend, no descriptors) would not be
/// mended by another source: it is the result, and no fallback.
///
/// `open` takes a BindSource, makes a socket, lets it be bound, connects it, and returns a Result
/// of whatever it makes; errors of the binding it hands on.
template <class Open>
[[nodiscard]] auto open_towards(Protocol protocol, const std::optional<SocketAddress>& as,
                                const Open& open)
    -> Opened<typename decltype(open(BindSource()))::value_type> {
  std::optional<Failure> fallback;
  if (as) {
    for (const auto port : {Port::Clients, Port::Any}) {
      bool is_bound = true;
      auto socket = open(BindSource([&](int fd) {
        const error_code error = come_from(fd, protocol, *as, port);
        is_bound = !error;
        return error;
      }));
      if (socket) return {std::move(socket), true};
      if (is_bound && !is_of_source(socket.error().value())) return {std::move(socket)};
      fallback = classify(socket.error());
      if (*fallback == Failure::NotPermitted) break;
    }
  }
  return {open(BindSource()), false, fallback};
}

}  // namespace wherry::transparent
