#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wherry::balancer {

/// How a backend is chosen for a connection (L1).
enum class Algorithm : std::uint8_t {
  RoundRobin,        ///< the default, also of kube-proxy's ipvs mode
  Random,            ///< what kube-proxy's iptables and nftables modes do
  LeastConnections,  ///< the fewest sessions
  Ewma,              ///< of two the one that accepts sooner
  Maglev,            ///< the client's address decides
};

/// "round-robin", "random", "least-connections", "ewma" or "maglev", as annotations write them.
[[nodiscard]] std::string_view to_string(Algorithm algorithm) noexcept;
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept;

/// What stands in for one of the kernel's ipvs schedulers, of which kube-proxy's `ipvs.scheduler`
/// and kube-router's annotation speak. Weights count with every algorithm, so that `wrr` is `rr`;
/// those that ask for the fewest connections (lc, wlc, lblc, lblcr, sed, nq) and those that hash
/// (sh, dh, mh) are one each. Nothing for an unknown name.
[[nodiscard]] std::optional<Algorithm> algorithm_of_scheduler(std::string_view name) noexcept;

}  // namespace wherry::balancer
