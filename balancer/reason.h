#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace wherry::balancer {

/// Why a decision is what it is, and why a backend is left out: a closed list. The same words stand
/// in tables, metrics, logs and documentation (deploy/operations.md has them all).
enum class Reason : std::uint8_t {
  // Why a verdict is what it is.
  ReadyEndpoints,      ///< forward: to endpoints that are ready (E2, E3)
  ServingTerminating,  ///< forward: none is ready, these still serve while they end (E2, E3)
  NoEndpoints,         ///< reject: no endpoint may serve, on no node (E9)
  NoLocalEndpoints,    ///< drop: the policy is Local, and none is on this node (E6, E7)
  SourceRanges,        ///< drop: the client is in none of the Service's source ranges (F1)
  TooManyEndpoints,    ///< reject: the table's limit leaves no room for its endpoints
  WrongPort,           ///< reject: the address is a Service's, the port is not (E10)
  FreeAddress,         ///< drop: in a service CIDR, and no Service has it (E10)
  // Why a backend is left out.
  NotReady,     ///< its conditions say that it is not ready (E1)
  Terminating,  ///< it is being deleted (E2)
  OtherNode,    ///< it is on another node, or hinted for other nodes (E3, E12)
  OtherZone,    ///< it is hinted for other zones (E12)
};

inline constexpr std::array kReasons = {
    Reason::ReadyEndpoints,   Reason::ServingTerminating, Reason::NoEndpoints,
    Reason::NoLocalEndpoints, Reason::SourceRanges,       Reason::TooManyEndpoints,
    Reason::WrongPort,        Reason::FreeAddress,        Reason::NotReady,
    Reason::Terminating,      Reason::OtherNode,          Reason::OtherZone};

/// "no_endpoints", "not_ready", ...
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

/// The rule behind it, in one sentence for people.
[[nodiscard]] std::string_view rule_text(Reason reason) noexcept;

}  // namespace wherry::balancer
