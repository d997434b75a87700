#pragma once

#include "base/result.h"
#include "base/socket_address.h"
#include "base/unique_fd.h"

#include <functional>

namespace wherry::steer {

/// A socket that takes whatever the kernel leads to it and answers nothing: a TCP socket that
/// listens, or a UDP socket that is bound, on a free port of loopback, with a packet filter that
/// lets nothing in. Verdict drop is to be led here: a program of type sk_lookup can only refuse
/// loudly. Nobody reads it.
[[nodiscard]] Result<UniqueFd> open_silent_socket(Protocol protocol, IpFamily family);

using OpenSilentSocket = std::function<Result<UniqueFd>(Protocol, IpFamily)>;

}  // namespace wherry::steer
