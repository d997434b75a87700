#pragma once

#include "base/async/asio.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "proxy/health/proxy_health.h"
#include "proxy/http/http_server.h"

#include <cstdint>
#include <functional>
#include <map>

namespace wherry::health {

/// The health address, by default 0.0.0.0:10256: /healthz for load balancers, /livez for the
/// kubelet (H1, H2). Answers any method, as kube-proxy does; the answers are proxy_health.h's.
///
/// Control thread only. stop(), then run the loop until idle(), before it is destroyed.
class HealthServer {
 public:
  /// `node_eligible` is asked for each /healthz.
  HealthServer(asio::io_context& loop, const ProxyHealth& health,
               std::function<bool()> node_eligible);

  /// Listens; a wildcard address takes clients of both families. The error says why not.
  [[nodiscard]] error_code listen(const SocketAddress& address);
  /// Where it listens, once it does.
  [[nodiscard]] SocketAddress address() const { return address_; }

  void stop() { server_.stop(); }
  [[nodiscard]] bool idle() const noexcept { return server_.idle(); }

  void collect(MetricFamilies& families) const;

 private:
  using Answers = std::map<int, std::uint64_t>;  ///< by status

  [[nodiscard]] http::Response respond(const http::Request& request);

  const ProxyHealth& health_;
  const std::function<bool()> node_eligible_;
  http::Server server_;
  SocketAddress address_;
  Answers healthz_{{200, 0}, {503, 0}};
  Answers livez_{{200, 0}, {503, 0}};
};

}  // namespace wherry::health
