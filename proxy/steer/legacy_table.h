#pragma once

#include "base/ip_address.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// A table of iptables-legacy as the kernel hands it out and takes it back, whole (ipt_get_entries,
/// ipt_replace of linux/netfilter_ipv4/ip_tables.h; ip6_tables.h alike): the rules of all chains
/// one behind the other, which name each other by their offsets. Pure: legacy_chains talks to the
/// kernel.
namespace wherry::steer {

struct LegacyTable {
  static constexpr std::size_t kHooks = 5;  ///< NF_INET_NUMHOOKS

  IpFamily family = IpFamily::IPv4;
  std::string name;
  std::uint32_t valid_hooks = 0;                   ///< a bit for each chain of the kernel's
  std::array<std::uint32_t, kHooks> hook_entry{};  ///< where such a chain begins
  std::array<std::uint32_t, kHooks> underflow{};   ///< and where its policy is
  std::uint32_t rules = 0;                         ///< how many entries there are
  std::vector<std::byte> entries;
};

/// The chains that somebody made, in their order.
[[nodiscard]] std::vector<std::string> chains_of(const LegacyTable& table);

/// Whether what no rule takes of the packets that go through a chain of the kernel's is dropped.
/// Precondition: valid_hooks has it.
[[nodiscard]] bool drops_the_rest(const LegacyTable& table, unsigned hook);

/// Whether both have the same rules at the same places, whatever those have counted.
[[nodiscard]] bool has_same_rules(const LegacyTable& a, const LegacyTable& b);

/// A table after rules were taken out.
struct LegacyEdit {
  LegacyTable table;
  /// For each of its rules, which one of the table before it was: the kernel counts what passes
  /// each by its place.
  std::vector<std::uint32_t> was;
};

/// The table without the chains that `is_doomed` names, and without every rule that leads into one
/// of them. All else stays as it is and where it leads. bad_message where the bytes are no table.
[[nodiscard]] Result<LegacyEdit> without_chains(
    const LegacyTable& table, const std::function<bool(std::string_view)>& is_doomed);

}  // namespace wherry::steer
