#pragma once

#include "base/environment.h"
#include "watcher/api/server_url.h"

#include <optional>
#include <variant>

namespace wherry::api {

/// The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or the same in lower case) name for a
/// server, as Go programs understand them (A31): NO_PROXY holds names, which mean what is under
/// them too, addresses, CIDRs, each perhaps with a port, or "*"; a loopback server has no proxy.
/// Nothing: connect directly. Pure.
[[nodiscard]] std::variant<std::optional<ProxyUrl>, UrlFault> proxy_of_environment(
    const Environment& environment, const ServerUrl& server);

}  // namespace wherry::api
