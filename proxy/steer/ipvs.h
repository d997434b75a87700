#pragma once

#include "proxy/steer/netlink.h"

#include <cstdint>
#include <string_view>

namespace wherry::steer {

/// The interface that carries the Services' addresses in kube-proxy's mode ipvs.
inline constexpr std::string_view kIpvsInterface = "kube-ipvs0";

/// The number under which the kernel knows a family of generic netlink; ENOENT where it has none of
/// that name. A kernel may load a module that has it.
[[nodiscard]] Result<std::uint16_t> find_family(NetlinkSocket& generic, std::string_view name);

/// The request that `flush_ipvs()` makes of the family `family`.
[[nodiscard]] NetlinkRequest flush_ipvs_request(std::uint16_t family);

/// Removes all services of IPVS in this network namespace, as `ipvsadm --clear` does. A kernel
/// without IPVS has none.
[[nodiscard]] NetlinkFailure flush_ipvs(NetlinkSocket& generic);

/// Deletes an interface, and its addresses with it.
[[nodiscard]] NetlinkFailure delete_interface(NetlinkSocket& route, unsigned index);

}  // namespace wherry::steer
