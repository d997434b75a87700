#pragma once

#include "proxy/admin/admin_view.h"

#include <boost/json/array.hpp>

#include <functional>
#include <string>
#include <vector>

/// What the admin server answers and `wherry get` prints. Pure.
namespace wherry::admin {

using Listening = std::function<std::vector<SocketAddress>(balancer::ServicePortId)>;

/// One object per service port and family, sorted: the format is documented in
/// deploy/operations.md, and tools read it.
[[nodiscard]] boost::json::array services_json(const balancer::BackendTable& table,
                                               const Listening& listening);
/// One object per endpoint of a service port.
[[nodiscard]] boost::json::array endpoints_json(const balancer::BackendTable& table);
[[nodiscard]] boost::json::array sessions_json(std::vector<SessionRow> sessions);

/// "ok" and what is worth knowing; with `verbose` every check on a line of its own.
[[nodiscard]] std::string readiness_text(const Readiness& readiness, bool verbose);

/// The Prometheus exposition format.
[[nodiscard]] std::string metrics_text(const MetricFamilies& families);

}  // namespace wherry::admin
