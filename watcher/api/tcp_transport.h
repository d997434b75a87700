#pragma once

#include "base/async/asio.h"
#include "base/duration.h"
#include "base/ip_address.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wherry::api {

/// Makes TCP connections, one at a time. Control thread only.
class TcpConnector {
 public:
  TcpConnector(asio::io_context& loop, Timers& timers);
  ~TcpConnector();

  /// Resolves the name, and tries its addresses one after another, all within `timeout` (A17: 30 s
  /// is client-go's). The connection notices a peer that is gone: keepalive and TCP_USER_TIMEOUT.
  [[nodiscard]] asio::awaitable<ApiResult<std::unique_ptr<Transport>>> connect(std::string host,
                                                                               std::uint16_t port,
                                                                               Duration timeout);
  /// Ends the connect() that is under way, and every one after it.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wherry::api
