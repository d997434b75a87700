#pragma once

#include "balancer/backend_table.h"
#include "balancer/connection_verdict.h"
#include "balancer/explain.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/socket_address.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wherry::admin {

/// One established session, or UDP flow, as the pages show it.
struct SessionRow {
  balancer::ServicePortKey service_port;
  SocketAddress client;
  SocketAddress backend;
  WallTime since;
  std::uint64_t bytes_in = 0;   ///< client to backend
  std::uint64_t bytes_out = 0;  ///< backend to client
};

/// Whether this process should get traffic, and what an operator should know.
struct Readiness {
  struct Check {
    std::string name;  ///< "tables", "manifests", ...
    bool passed = true;
    bool required = false;  ///< if it fails, the answer is 503
    std::vector<std::string> notes;
  };
  std::vector<Check> checks;

  [[nodiscard]] bool ready() const;
};

/// What the process is, for whoever debugs it (H4).
struct ProcessFacts {
  std::string version;
  std::string mode;  ///< how traffic reaches it: "bind", "node"
  WallTime started;
  Duration up{};
  std::vector<std::pair<std::string, std::string>> flags;  ///< sorted, those with a value
  std::string configuration;  ///< a JSON object with apiVersion and kind
};

/// What the admin server shows. Implemented by App; every function runs on the control thread.
class AdminView {
 public:
  virtual ~AdminView() = default;

  [[nodiscard]] virtual std::shared_ptr<const balancer::BackendTable> table() const = 0;
  [[nodiscard]] virtual std::vector<SocketAddress> listening(balancer::ServicePortId id) const = 0;
  /// How clients get to service ports. Of use as long as the view.
  [[nodiscard]] virtual balancer::WaysIn ways_in() const = 0;
  [[nodiscard]] virtual Readiness readiness() const = 0;
  [[nodiscard]] virtual MetricFamilies metrics() const = 0;
  [[nodiscard]] virtual ProcessFacts facts() const = 0;
  /// Whether clients may change the log level (H4).
  [[nodiscard]] virtual bool profiling() const = 0;
  virtual void set_log_level(log::Level level) = 0;
  /// Asks every worker for its sessions; `take` runs later, once.
  virtual void gather_sessions(std::function<void(std::vector<SessionRow>)> take) = 0;
};

}  // namespace wherry::admin
