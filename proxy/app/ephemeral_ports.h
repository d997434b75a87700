#pragma once

#include <cstdint>

namespace wherry::app {

/// How many source ports the kernel gives to sockets that name none
/// (net.ipv4.ip_local_port_range, which holds for IPv6 too). Where it does not say: its default.
[[nodiscard]] std::uint64_t ephemeral_ports();

}  // namespace wherry::app
