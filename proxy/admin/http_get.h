#pragma once

#include "base/duration.h"
#include "base/result.h"
#include "base/socket_address.h"

#include <string>

namespace wherry::admin {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// One GET of a running wherry's admin address; the whole exchange within `timeout`. Blocks.
[[nodiscard]] Result<HttpAnswer> http_get(const SocketAddress& address, const std::string& target,
                                          Duration timeout);

}  // namespace wherry::admin
