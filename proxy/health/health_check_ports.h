#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/socket_address.h"
#include "proxy/health/health_checks.h"
#include "proxy/http/http_server.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace wherry::health {

/// Opens, moves and closes the ports on which load balancers ask for a Service's local endpoints,
/// as tables come (H3). What is asked for, and the answers, are health_checks.h's.
///
/// A port is closed before another Service opens it. One that can't be opened is reported once and
/// tried again every 5 s; nothing else waits for it. Control thread only. stop(), then run the loop
/// until idle(), before it is destroyed.
class HealthCheckPorts {
 public:
  /// What somebody should know who looks at the Service: reason FailedToStartServiceHealthcheck.
  using Failed = std::function<void(const model::ObjectKey& service, const std::string& message)>;

  /// `healthy` says whether the proxy keeps up; it is asked for each answer. `failed` may be empty.
  HealthCheckPorts(asio::io_context& loop, Timers& timers, std::string node_name,
                   std::function<bool()> healthy, Failed failed);

  /// `diff` leads from the table of the last call (at first, the empty one) to `table`.
  void apply(const balancer::BackendTable& table, const balancer::TableDiff& diff);

  void stop();
  [[nodiscard]] bool idle() const noexcept { return server_.idle(); }
  /// Sockets that listen.
  [[nodiscard]] std::size_t open_ports() const noexcept { return server_.ports(); }
  /// Ports that can't be opened, as one would tell an operator.
  [[nodiscard]] std::map<HealthCheckKey, std::string> problems() const;

 private:
  struct Open {
    std::uint16_t port = 0;
    SocketAddress address;
  };
  struct Busy {
    std::uint16_t port = 0;
    std::string reason;
  };

  void open_and_close();
  void try_open(const HealthCheckKey& key, std::uint16_t port);
  [[nodiscard]] http::Response respond(const HealthCheckKey& key) const;

  Timers& timers_;
  const std::string node_name_;
  const std::function<bool()> healthy_;
  const Failed failed_;
  HealthChecks checks_;
  http::Server server_;
  std::map<HealthCheckKey, Open> open_;
  std::map<HealthCheckKey, Busy> busy_;
  Timer again_;
  bool stopped_ = false;
};

}  // namespace wherry::health
