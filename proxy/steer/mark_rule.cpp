#include "proxy/steer/mark_rule.h"

#include "base/raw_socket_address.h"
#include "proxy/steer/local_routes.h"

#include <algorithm>
#include <array>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

constexpr std::uint32_t kLoopbackIndex = 1;
constexpr std::array kFamilies{IpFamily::IPv4, IpFamily::IPv6};

/// A bool and an error_code are too much alike for an implicit conversion.
Result<bool> failed(const error_code& error) { return {boost::system::in_place_error, error}; }

unsigned char family_number(IpFamily family) {
  return static_cast<unsigned char>(address_family(family));
}

/// The rules that a mark rule consists of, in the order in which they are added.
enum class Part : std::uint8_t {
  Land,    ///< where Skip goes to; does nothing
  Skip,    ///< passes over Lookup what did not come in from elsewhere
  Lookup,  ///< leads to the table
};
constexpr std::array kParts{Part::Land, Part::Skip, Part::Lookup};

unsigned char action_of(Part part) {
  switch (part) {
    case Part::Land:
      return FR_ACT_NOP;
    case Part::Skip:
      return FR_ACT_GOTO;
    case Part::Lookup:
      return FR_ACT_TO_TBL;
  }
  return FR_ACT_UNSPEC;
}

std::uint32_t priority_of(Part part, const MarkRuleSpec& spec) {
  return part == Part::Land ? spec.priority + 1 : spec.priority - (part == Part::Skip ? 1 : 0);
}

NetlinkRequest rule_request(std::uint16_t type, unsigned flags, IpFamily family, Part part,
                            const MarkRuleSpec& spec) {
  fib_rule_hdr header{};
  header.family = family_number(family);
  header.action = action_of(part);
  NetlinkRequest request(type, flags);
  request.fixed(header)
      .number(FRA_PRIORITY, priority_of(part, spec))
      .byte(FRA_PROTOCOL, kRouteProtocol);
  if (part == Part::Land) return request;
  request.number(FRA_FWMARK, spec.mark).number(FRA_FWMASK, spec.mask);
  if (part == Part::Lookup) {
    request.number(FRA_TABLE, spec.table);
  } else {
    request.text(FRA_IIFNAME, "lo").number(FRA_GOTO, priority_of(Part::Land, spec));
  }
  return request;
}

NetlinkRequest route_request(std::uint16_t type, unsigned flags, IpFamily family,
                             const MarkRuleSpec& spec) {
  rtmsg message{};
  message.rtm_family = family_number(family);
  message.rtm_table = RT_TABLE_UNSPEC;
  message.rtm_protocol = kRouteProtocol;
  message.rtm_scope = RT_SCOPE_HOST;
  message.rtm_type = RTN_LOCAL;
  NetlinkRequest request(type, flags);
  request.fixed(message).number(RTA_TABLE, spec.table).number(RTA_OIF, kLoopbackIndex);
  request.number(RTA_PRIORITY, kRouteMetric);
  return request;
}

bool is_nothing_there(const error_code& code) {
  return code == errc::no_such_process || code == errc::no_such_file_or_directory ||
         is_missing_family(code);
}

struct FoundRule {
  IpFamily family = IpFamily::IPv4;
  unsigned char action = FR_ACT_UNSPEC;
  MarkRuleSpec spec;  ///< what of it there is
};

bool is_part(const FoundRule& found, IpFamily family, Part part, const MarkRuleSpec& spec) {
  if (found.family != family || found.action != action_of(part)) return false;
  if (found.spec.priority != priority_of(part, spec)) return false;
  if (part == Part::Land) return true;
  const bool has_mark = found.spec.mark == spec.mark && found.spec.mask == spec.mask;
  return has_mark && (part == Part::Skip || found.spec.table == spec.table);
}

bool is_of_ours(const NetlinkAttributes& rule) {
  const auto protocol = rule.find(FRA_PROTOCOL);
  return protocol && !protocol->bytes().empty() &&
         std::to_integer<std::uint8_t>(protocol->bytes()[0]) == kRouteProtocol;
}

Result<std::vector<FoundRule>> list_rules(NetlinkSocket& netlink) {
  std::vector<FoundRule> found;
  for (const IpFamily family : kFamilies) {
    fib_rule_hdr header{};
    header.family = family_number(family);
    NetlinkRequest request(RTM_GETRULE, NLM_F_DUMP);
    request.fixed(header);
    const auto answers = netlink.ask(std::move(request));
    if (!answers && is_missing_family(answers.error())) continue;
    if (!answers) return answers.error();
    answers->each(RTM_NEWRULE, [&found, family](const NetlinkAnswer& answer) {
      const auto* rule = answer.fixed<fib_rule_hdr>();
      if (rule == nullptr || rule->family != family_number(family)) return;
      const auto attributes = answer.attributes<fib_rule_hdr>();
      if (!is_of_ours(attributes)) return;
      found.push_back({family,
                       rule->action,
                       {.mark = attributes.number(FRA_FWMARK),
                        .mask = attributes.number(FRA_FWMASK),
                        .table = attributes.number(FRA_TABLE),
                        .priority = attributes.number(FRA_PRIORITY)}});
    });
  }
  return found;
}

}  // namespace

NetlinkFailure MarkRule::add() {
  for (const IpFamily family : kFamilies) {
    auto failure = add(family);
    if (failure && !(family == IpFamily::IPv6 && is_missing_family(failure.code))) return failure;
  }
  return {};
}

/// The route first: a rule that leads to an empty table would only cost time.
NetlinkFailure MarkRule::add(IpFamily family) {
  auto failure =
      netlink_.request(route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family, spec_));
  if (failure && failure.code != errc::file_exists) return failure;
  for (const Part part : kParts) {
    failure =
        netlink_.request(rule_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, part, spec_));
    if (failure && failure.code != errc::file_exists) return failure;
  }
  return {};
}

MarkRuleCheck MarkRule::check() {
  MarkRuleCheck done;
  for (const IpFamily family : kFamilies) {
    const auto was_missing = mend(family);
    if (!was_missing) {
      done.error = was_missing.error();
      return done;
    }
    if (*was_missing) done.mended.push_back(family);
  }
  return done;
}

/// Whether something was missing, and is back.
Result<bool> MarkRule::mend(IpFamily family) {
  const auto rule = has_rule(family);
  if (!rule) return rule;
  const auto route = has_route(family);
  if (!route) return route;
  if (*rule && *route) return false;
  const auto failure = add(family);
  if (!failure) return true;
  if (family == IpFamily::IPv6 && is_missing_family(failure.code)) return false;
  return failed(failure.code);
}

NetlinkFailure MarkRule::remove() {
  NetlinkFailure first;
  const auto remove_one = [this, &first](NetlinkRequest request) {
    auto failure = netlink_.request(std::move(request));
    if (failure && !is_nothing_there(failure.code) && !first) first = std::move(failure);
  };
  for (const IpFamily family : kFamilies) {
    for (auto part = kParts.rbegin(); part != kParts.rend(); ++part) {
      remove_one(rule_request(RTM_DELRULE, 0, family, *part, spec_));
    }
    remove_one(route_request(RTM_DELROUTE, 0, family, spec_));
  }
  return first;
}

Result<bool> MarkRule::has_rule(IpFamily family) {
  const auto rules = list_rules(netlink_);
  if (!rules) return failed(rules.error());
  return std::all_of(kParts.begin(), kParts.end(), [&](Part part) {
    return std::any_of(rules->begin(), rules->end(),
                       [&](const FoundRule& each) { return is_part(each, family, part, spec_); });
  });
}

Result<bool> MarkRule::has_route(IpFamily family) {
  rtmsg filter{};
  filter.rtm_family = family_number(family);
  filter.rtm_protocol = kRouteProtocol;
  filter.rtm_type = RTN_LOCAL;
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
  request.fixed(filter).number(RTA_TABLE, spec_.table);
  const auto answers = netlink_.ask(std::move(request));
  if (!answers) {
    if (!is_nothing_there(answers.error())) return failed(answers.error());
    return false;
  }
  bool found = false;
  answers->each(RTM_NEWROUTE, [this, family, &found](const NetlinkAnswer& answer) {
    const auto* route = answer.fixed<rtmsg>();
    found |= route != nullptr && route->rtm_family == family_number(family) &&
             route->rtm_protocol == kRouteProtocol && route->rtm_type == RTN_LOCAL &&
             route->rtm_dst_len == 0 && answer.attributes<rtmsg>().number(RTA_TABLE) == spec_.table;
  });
  return found;
}

bool tells_of_removed_rule(const NetlinkAnswer& message) {
  return message.type() == RTM_DELRULE && is_of_ours(message.attributes<fib_rule_hdr>());
}

Result<std::vector<MarkRuleSpec>> list_mark_rules(NetlinkSocket& netlink) {
  const auto rules = list_rules(netlink);
  if (!rules) return rules.error();
  std::vector<MarkRuleSpec> specs;
  for (const FoundRule& each : *rules) {
    if (each.action != FR_ACT_TO_TBL) continue;
    if (std::find(specs.begin(), specs.end(), each.spec) == specs.end()) {
      specs.push_back(each.spec);
    }
  }
  return specs;
}

}  // namespace wherry::steer
