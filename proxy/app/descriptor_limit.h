#pragma once

#include <cstddef>
#include <cstdint>

namespace wherry::app {

/// How many descriptors a process needs before it serves anything.
[[nodiscard]] std::uint64_t descriptors_to_start(std::size_t workers);

/// How many sockets may listen within so many descriptors: what is left after the process itself
/// and a few sessions.
[[nodiscard]] std::size_t listening_within(std::uint64_t descriptors, std::size_t workers);

/// How many sessions fit into so many descriptors: two each, after what listeners, the admin
/// server, files and the loops of the workers need.
[[nodiscard]] std::uint64_t sessions_within(std::uint64_t descriptors, std::size_t workers,
                                            std::size_t listening_sockets);

/// How many UDP flows fit beside them: a socket each, in a quarter of what listeners leave, and
/// with source ports of the machine, of which others need half.
[[nodiscard]] std::uint64_t flows_within(std::uint64_t descriptors, std::size_t workers,
                                         std::size_t listening_sockets,
                                         std::uint64_t ephemeral_ports);

}  // namespace wherry::app
