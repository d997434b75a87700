#pragma once

#include "base/async/asio.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "proxy/admin/admin_view.h"
#include "proxy/http/http_server.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wherry::admin {

using AdminLimits = http::ServerLimits;

/// The admin address: /livez, /readyz, /metrics, /table, /endpoints, /sessions, /explain, and the
/// pages that a component of Kubernetes has (/healthz, /proxyMode, /configz, /flagz, /statusz,
/// /metrics/slis: H4). Nothing that a client sends changes anything, but for the log level where
/// the view allows that: PUT /debug/flags/v.
///
/// Control thread only. stop(), then run the loop until idle(), before it is destroyed.
class AdminServer {
 public:
  AdminServer(asio::io_context& loop, AdminView& view, AdminLimits limits = {});

  /// Opens the port, and serves as the loop runs; the error says why not (address_in_use,
  /// permission_denied, ...).
  [[nodiscard]] error_code listen(const SocketAddress& address);
  /// Where it listens: the port that was found where 0 was asked for.
  [[nodiscard]] SocketAddress address() const { return address_; }

  void stop() { server_.stop(); }
  [[nodiscard]] bool idle() const noexcept { return server_.idle(); }

 private:
  [[nodiscard]] asio::awaitable<http::Response> respond(http::Request request);
  [[nodiscard]] asio::awaitable<std::vector<SessionRow>> sessions();
  [[nodiscard]] http::Response set_verbosity(const http::Request& request);
  [[nodiscard]] std::optional<http::Response> facts_page(const std::string& path,
                                                         const std::string& accept) const;

  AdminView& view_;
  http::Server server_;
  SocketAddress address_;
  std::uint64_t healthz_checks_ = 0;
};

}  // namespace wherry::admin
