#pragma once

#include "balancer/backend_table.h"

#include <string>

namespace wherry::balancer {

/// A table in words, sorted by key, for golden tests and for eyes:
///
///   default/web:http/TCP/IPv4 clusterIP=10.0.0.1 port=80
///     internal forward (ready_endpoints): 10.1.0.1:8080 10.1.0.2:8080
///     excluded 10.1.0.3:8080 (not_ready)
[[nodiscard]] std::string table_text(const BackendTable& table);

}  // namespace wherry::balancer
