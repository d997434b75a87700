#include "proxy/steer/legacy_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <span>
#include <utility>

// After netinet/in.h, whose types they then leave alone.
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

static_assert(LegacyTable::kHooks == NF_INET_NUMHOOKS);

/// Where the parts of an entry are: the same but for the size of what it matches.
struct Layout {
  std::size_t entry;
  std::size_t target_offset;
  std::size_t next_offset;
  std::size_t counters;
};

Layout layout_of(IpFamily family) {
  if (family == IpFamily::IPv4) {
    return {sizeof(ipt_entry), offsetof(ipt_entry, target_offset), offsetof(ipt_entry, next_offset),
            offsetof(ipt_entry, counters)};
  }
  return {sizeof(ip6t_entry), offsetof(ip6t_entry, target_offset),
          offsetof(ip6t_entry, next_offset), offsetof(ip6t_entry, counters)};
}

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  if (bytes.size() >= offset + sizeof(T)) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// One entry of a table. Refers to the table's bytes.
struct Rule {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  std::size_t target = 0;  ///< where its target is, from `start`
  std::string_view target_name;
  std::span<const std::byte> payload;  ///< what the target holds

  /// Chains that somebody made begin with an entry whose target is "ERROR" and names them. So does
  /// the end of the table, with that very word for a name.
  [[nodiscard]] bool is_head() const { return target_name == XT_ERROR_TARGET; }
  [[nodiscard]] std::string_view head() const {
    const auto* first = reinterpret_cast<const char*>(payload.data());
    return {first, ::strnlen(first, std::min<std::size_t>(payload.size(), XT_FUNCTION_MAXNAMELEN))};
  }
  [[nodiscard]] bool is_end() const { return is_head() && head() == XT_ERROR_TARGET; }
  /// Where its packets go on: a standard target (whose name is empty) with an offset; a verdict is
  /// negative.
  [[nodiscard]] std::optional<std::uint32_t> leads_to() const {
    if (!target_name.empty() || payload.size() < sizeof(int)) return std::nullopt;
    const auto verdict = read_at<int>(payload, 0);
    return verdict < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(verdict));
  }
};

/// The entry that begins at `start`; nothing where there is none that fits in.
std::optional<Rule> rule_at(const LegacyTable& table, const Layout& layout, std::size_t start) {
  const std::span<const std::byte> all(table.entries);
  if (start >= all.size() || all.size() - start < layout.entry) return std::nullopt;
  const auto target = read_at<std::uint16_t>(all, start + layout.target_offset);
  const auto size = read_at<std::uint16_t>(all, start + layout.next_offset);
  if (size > all.size() - start || target < layout.entry) return std::nullopt;
  if (target + sizeof(xt_entry_target) > size) return std::nullopt;
  const auto* name = reinterpret_cast<const char*>(all.data() + start + target) +
                     offsetof(xt_entry_target, u.user.name);
  Rule rule;
  rule.start = static_cast<std::uint32_t>(start);
  rule.end = static_cast<std::uint32_t>(start + size);
  rule.target = target;
  rule.target_name = {name, ::strnlen(name, XT_EXTENSION_MAXNAMELEN)};
  rule.payload = all.subspan(start + target + sizeof(xt_entry_target),
                             size - target - sizeof(xt_entry_target));
  return rule;
}

/// All entries; of bytes that are no table those before it goes wrong.
std::vector<Rule> rules_of(const LegacyTable& table) {
  const Layout layout = layout_of(table.family);
  std::vector<Rule> all;
  std::size_t at = 0;
  while (const auto rule = rule_at(table, layout, at)) {
    all.push_back(*rule);
    at = rule->end;
  }
  return all;
}

/// The rules that stay, in their order, and where each is now.
struct Kept {
  std::vector<std::uint32_t> which;
  std::map<std::uint32_t, std::uint32_t> now_at;  ///< by where they were; and the end
};

Kept keep(const std::vector<Rule>& rules, std::size_t size,
          const std::function<bool(std::string_view)>& is_doomed) {
  // Where chains begin that go: jumps name the first rule behind the head.
  std::set<std::uint32_t> doomed;
  for (const Rule& rule : rules) {
    if (rule.is_head() && !rule.is_end() && is_doomed(rule.head())) doomed.insert(rule.end);
  }
  Kept kept;
  std::uint32_t at = 0;
  bool in_doomed = false;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (rule.is_head()) in_doomed = doomed.contains(rule.end) && !rule.is_end();
    const auto to = rule.leads_to();
    // A rule without a target leads to the next one, which is never a chain's first.
    if (in_doomed || (to && doomed.contains(*to))) continue;
    kept.which.push_back(static_cast<std::uint32_t>(i));
    kept.now_at.emplace(rule.start, at);
    at += rule.end - rule.start;
  }
  kept.now_at.emplace(static_cast<std::uint32_t>(size), at);
  return kept;
}

}  // namespace

std::vector<std::string> chains_of(const LegacyTable& table) {
  std::vector<std::string> names;
  for (const Rule& rule : rules_of(table)) {
    if (rule.is_head() && !rule.is_end()) names.emplace_back(rule.head());
  }
  return names;
}

bool drops_the_rest(const LegacyTable& table, unsigned hook) {
  // The last entry of a chain of the kernel's is its policy.
  const auto policy = rule_at(table, layout_of(table.family), table.underflow[hook]);
  return policy && policy->target_name.empty() && read_at<int>(policy->payload, 0) == -NF_DROP - 1;
}

bool has_same_rules(const LegacyTable& a, const LegacyTable& b) {
  if (a.family != b.family || a.valid_hooks != b.valid_hooks || a.hook_entry != b.hook_entry ||
      a.underflow != b.underflow || a.rules != b.rules || a.entries.size() != b.entries.size()) {
    return false;
  }
  const std::size_t counters = layout_of(a.family).counters;
  const auto is_same = [&](std::size_t from, std::size_t to) {
    return std::equal(a.entries.begin() + static_cast<std::ptrdiff_t>(from),
                      a.entries.begin() + static_cast<std::ptrdiff_t>(to),
                      b.entries.begin() + static_cast<std::ptrdiff_t>(from));
  };
  std::size_t at = 0;
  for (const Rule& rule : rules_of(a)) {
    if (!is_same(at, rule.start + counters)) return false;
    at = rule.start + counters + sizeof(xt_counters);
  }
  return is_same(at, a.entries.size());
}

Result<LegacyEdit> without_chains(const LegacyTable& table,
                                  const std::function<bool(std::string_view)>& is_doomed) {
  const error_code malformed = make_error_code(errc::bad_message);
  const std::vector<Rule> rules = rules_of(table);
  if (rules.empty() || rules.size() != table.rules || rules.back().end != table.entries.size() ||
      !rules.back().is_end()) {
    return malformed;
  }
  Kept kept = keep(rules, table.entries.size(), is_doomed);

  LegacyEdit edit{{table.family,
                   table.name,
                   table.valid_hooks,
                   table.hook_entry,
                   table.underflow,
                   static_cast<std::uint32_t>(kept.which.size()),
                   {}},
                  {}};
  std::vector<std::byte>& entries = edit.table.entries;
  for (const std::uint32_t which : kept.which) {
    const Rule& rule = rules[which];
    const std::size_t start = entries.size();
    entries.insert(entries.end(), table.entries.begin() + rule.start,
                   table.entries.begin() + rule.end);
    const auto to = rule.leads_to();
    if (!to) continue;
    auto verdict = static_cast<int>(entries.size());  // the next one, whatever that is now
    if (*to != rule.end) {
      const auto found = kept.now_at.find(*to);
      if (found == kept.now_at.end()) return malformed;
      verdict = static_cast<int>(found->second);
    }
    std::memcpy(entries.data() + start + rule.target + sizeof(xt_entry_target), &verdict,
                sizeof verdict);
  }
  for (std::size_t hook = 0; hook < LegacyTable::kHooks; ++hook) {
    if ((table.valid_hooks & (1u << hook)) == 0) continue;
    // A chain of the kernel's keeps its policy, and begins with what is left in front of it.
    const auto first = kept.now_at.lower_bound(table.hook_entry[hook]);
    const auto policy = kept.now_at.find(table.underflow[hook]);
    const bool has_both = first != kept.now_at.end() && policy != kept.now_at.end() &&
                          policy->first != table.entries.size();
    if (!has_both || first->first > policy->first) return malformed;
    edit.table.hook_entry[hook] = first->second;
    edit.table.underflow[hook] = policy->second;
  }
  edit.was = std::move(kept.which);
  return edit;
}

}  // namespace wherry::steer
