#pragma once

#include "proxy/proxy_protocol/proxy_header.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace wherry::tcp {

/// What came of looking for a PROXY header on a connection.
struct TakenProxyHeader {
  enum class What : std::uint8_t {
    Taken,   ///< it is off the queue; what follows it is still there
    Wait,    ///< ask again when the socket is readable
    Wrong,   ///< another thing came, or the peer has ended its direction before all of it came
    Failed,  ///< recv() failed; `error` is its errno
  };

  What what = What::Wait;
  std::optional<proxy_protocol::ProxiedConnection> connection;  ///< as in ProxyHeader
  std::string_view wrong;  ///< of Wrong; empty where the peer has said nothing
  int error = 0;
};

/// Takes the header, and not a byte more, off the queue of a connected socket that nobody has read
/// from. Never blocks. Until it is all there it stays in the queue, and the socket becomes readable
/// only when so much has come that it is worth asking again (SO_RCVLOWAT). `scratch` has at least
/// proxy_protocol::kLongestProxyHeader bytes.
[[nodiscard]] TakenProxyHeader take_proxy_header(int socket, std::span<std::byte> scratch);

}  // namespace wherry::tcp
