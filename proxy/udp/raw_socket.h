#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace wherry::udp {

/// A raw socket that only sends: the kernel makes the IP header, from whatever source each message
/// names (IP_PKTINFO), and fragments what is too large for the way. operation_not_permitted without
/// CAP_NET_RAW. `protocol` is IPPROTO_UDP, IPPROTO_ICMP or IPPROTO_ICMPV6.
[[nodiscard]] Result<UniqueFd> open_raw_socket(IpFamily family, int protocol);

/// Lets a socket receive nothing: a raw one would get a copy of all that this machine receives.
[[nodiscard]] error_code deafen(int fd);

/// Lets what is larger than a packet may be on the way be fragmented, instead of lost: whoever sent
/// it to us has had it carried in one piece.
[[nodiscard]] error_code allow_fragments(int fd, IpFamily family);

}  // namespace wherry::udp
