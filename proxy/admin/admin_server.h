#pragma once

#include "base/async/asio.h"
#include "base/async/task_group.h"
#include "base/duration.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "proxy/admin/admin_view.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace wherry::admin {

/// What one client, and all together, may cost.
struct AdminLimits {
  /// Connections at once. The next takes the place of one that has no request under way; where all
  /// have, it is answered 503.
  std::size_t clients = 64;
  std::size_t header_bytes = 8192;
  Duration idle = std::chrono::seconds(15);   ///< for a request to arrive in full
  Duration write = std::chrono::seconds(30);  ///< for a client to take an answer
};

/// HTTP/1.1 on the admin address: /livez, /readyz, /healthz, /metrics, /table, /endpoints,
/// /sessions. Reads only; nothing that a client sends changes anything.
///
/// Control thread only. stop(), then run the loop until idle(), before it is destroyed.
class AdminServer {
 public:
  AdminServer(asio::io_context& loop, AdminView& view, AdminLimits limits = {});
  ~AdminServer();

  /// Opens the port; the error says why not (address_in_use, permission_denied, ...).
  [[nodiscard]] error_code listen(const SocketAddress& address);
  /// Where it listens: the port that was found where 0 was asked for.
  [[nodiscard]] SocketAddress address() const;

  void start();
  void stop();
  [[nodiscard]] bool idle() const noexcept { return tasks_.idle(); }

 private:
  class Listener;
  class Client;

  asio::io_context& loop_;
  AdminView& view_;
  const AdminLimits limits_;
  TaskGroup tasks_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace wherry::admin
