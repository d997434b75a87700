#pragma once

#include "balancer/client_filter.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/socket_address.h"

#include <linux/filter.h>
#include <vector>

namespace wherry::steer {

/// A program for the kernel's classic packet filter that lets through what a client filter answers,
/// by the source address of each packet, and drops the rest. A listening socket that has it is
/// silent to those that are dropped: their SYNs vanish, as with a firewall's DROP. Needs no
/// privilege. Empty where everybody is answered, and where the program would be longer than the
/// kernel takes (4096 instructions, about 1000 ranges): then the workers refuse. Pure.
[[nodiscard]] std::vector<sock_filter> source_program(const balancer::ClientFilter& filter,
                                                      IpFamily family);

/// Gives a listening socket its program; takes one away that it has where `program` is empty.
/// Connections that were accepted before keep what they had.
[[nodiscard]] error_code attach(int socket, const std::vector<sock_filter>& program);

/// Says in the log that the kernel took no program for a listener: the workers, who look at every
/// client, refuse there whoever should get no answer.
void warn_of_no_filter(const SocketAddress& listener, const error_code& reason);

}  // namespace wherry::steer
