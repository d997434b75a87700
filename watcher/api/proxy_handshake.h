#pragma once

#include "base/async/timers.h"
#include "watcher/api/api_failure.h"
#include "watcher/api/server_url.h"
#include "watcher/api/transport.h"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace wherry::api {

/// Asks the proxy at the other end of a transport to carry what follows to the server: CONNECT for
/// http and https (RFC 9110 section 9.3.6), or SOCKS 5 (RFC 1928, 1929), which then resolves the
/// name (A31). Nothing but the answer that these rules describe is taken for success, and not a
/// byte after it is read: that is the server's. Once; what it is given must outlive it.
class ProxyHandshake {
 public:
  ProxyHandshake(Transport& transport, const ProxyUrl& proxy, const ServerUrl& server,
                 Timers& timers);

  /// Nothing, or why the proxy does not let us through.
  [[nodiscard]] asio::awaitable<std::optional<ApiFailure>> run();

 private:
  using MaybeFailure = std::optional<ApiFailure>;

  [[nodiscard]] asio::awaitable<MaybeFailure> connect_by_http();
  [[nodiscard]] asio::awaitable<MaybeFailure> receive_head();
  [[nodiscard]] asio::awaitable<MaybeFailure> connect_by_socks();
  [[nodiscard]] asio::awaitable<MaybeFailure> log_in_to_socks();
  [[nodiscard]] asio::awaitable<MaybeFailure> send(std::string bytes);
  [[nodiscard]] asio::awaitable<MaybeFailure> receive(std::size_t size);
  [[nodiscard]] ApiFailure refused(const std::string& what) const;
  [[nodiscard]] ApiFailure broken(const error_code& error) const;

  Transport& transport_;
  const ProxyUrl& proxy_;
  const ServerUrl& server_;
  const Deadline deadline_;
  std::string answer_;  ///< what has been received of the answer that is expected
};

}  // namespace wherry::api
