#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/ip_address.h"
#include "base/socket_address.h"
#include "proxy/health/health_checks.h"
#include "proxy/http/http_server.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wherry::health {

/// Opens, moves and closes the ports on which load balancers ask for a Service's local endpoints,
/// as tables come (H3). What is asked for, and the answers, are health_checks.h's. They listen on
/// the wildcard address of the Service's family, or on the addresses that listen_on() names.
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

  /// Where all ports listen from now on. A family of which there is none has no ports, which is a
  /// problem of each Service that wants one.
  void listen_on(std::set<IpAddress> addresses);

  void stop();
  [[nodiscard]] bool idle() const noexcept { return server_.idle(); }
  /// Sockets that listen.
  [[nodiscard]] std::size_t open_ports() const noexcept { return server_.ports(); }
  /// Ports that can't be opened, as one would tell an operator.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  /// A Service's port on one address.
  using Place = std::pair<HealthCheckKey, SocketAddress>;

  void open_and_close();
  [[nodiscard]] std::set<Place> wanted() const;
  void try_open(const Place& place);
  void set_busy(const Place& place, const std::string& reason, const char* remedy);
  [[nodiscard]] http::Response respond(const HealthCheckKey& key) const;

  Timers& timers_;
  const std::string node_name_;
  const std::function<bool()> healthy_;
  const Failed failed_;
  HealthChecks checks_;
  http::Server server_;
  std::set<IpAddress> addresses_;
  std::set<Place> open_;
  std::map<Place, std::string> busy_;  ///< with the reason
  Timer again_;
  bool stopped_ = false;
};

}  // namespace wherry::health
