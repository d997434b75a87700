#pragma once

#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/legacy_table.h"
#include "proxy/steer/packet_filters.h"

#include <functional>
#include <string_view>
#include <vector>

namespace wherry::steer {

/// The tables of iptables-legacy (or ip6tables-legacy) in the thread's network namespace. Looks
/// only at those that somebody uses already: asking for another would make the kernel set it up.
/// Needs CAP_NET_ADMIN; a kernel without iptables has none.
[[nodiscard]] Result<std::vector<LegacyTable>> read_legacy_tables(IpFamily family);

/// Their chains, those of the namespace's own in front; and INPUT of the table filter.
[[nodiscard]] Result<std::vector<FilterChain>> read_legacy_chains(IpFamily family);

/// What delete_legacy_chains() did.
struct LegacyDeletion {
  error_code error;       ///< the first one
  bool is_locked = true;  ///< whether iptables' own programs were kept away from tables meanwhile
};

/// Deletes the chains that `is_doomed` names, and every rule that leads to one of them: of each
/// table all of them or none. What the other rules have counted goes on. Meanwhile it holds the
/// lock of iptables' own programs (/run/xtables.lock), for which it waits up to 5 s;
/// where there is no place for that file it goes on without. Other errors of the lock are errors.
[[nodiscard]] LegacyDeletion delete_legacy_chains(
    IpFamily family, const std::function<bool(const FilterChain&)>& is_doomed);

}  // namespace wherry::steer
