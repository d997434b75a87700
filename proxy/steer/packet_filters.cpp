#include "proxy/steer/packet_filters.h"

#include "base/read_file.h"
#include "proxy/steer/legacy_chains.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <set>
#include <tuple>
#include <utility>

// After netinet/in.h, whose types they then leave alone.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

constexpr std::size_t kLargest = 16u << 20;

std::uint16_t message_type(unsigned message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
}

NetlinkRequest request_of(unsigned message, unsigned flags, int family) {
  nfgenmsg fixed{};
  fixed.nfgen_family = static_cast<unsigned char>(family);
  fixed.version = NFNETLINK_V0;
  NetlinkRequest request(message_type(message), flags);
  request.fixed(fixed);
  return request;
}

NetlinkRequest batch_edge(std::uint16_t type) {
  nfgenmsg fixed{};
  fixed.version = NFNETLINK_V0;
  fixed.res_id = htons(NFNL_SUBSYS_NFTABLES);
  NetlinkRequest request(type, 0);
  request.fixed(fixed);
  return request;
}

/// nftables' numbers are in network order.
std::uint32_t number_of(const NetlinkAttributes& attributes, unsigned type) {
  return ntohl(attributes.number(type));
}

/// A kernel without nftables.
bool is_missing(const error_code& code) {
  return code == errc::operation_not_supported || code == errc::invalid_argument ||
         code == errc::protocol_not_supported;
}

template <class Visit>
error_code dump(NetlinkSocket& netfilter, unsigned question, unsigned answer, Visit visit) {
  const auto answers = netfilter.ask(request_of(question, NLM_F_DUMP, NFPROTO_UNSPEC));
  if (!answers) return is_missing(answers.error()) ? error_code() : answers.error();
  answers->each(message_type(answer), [&visit](const NetlinkAnswer& each) {
    const auto* fixed = each.fixed<nfgenmsg>();
    if (fixed != nullptr) visit(int{fixed->nfgen_family}, each.attributes<nfgenmsg>());
  });
  return {};
}

FilterChain chain_of(int family, const NetlinkAttributes& attributes) {
  FilterChain chain{.kind = FilterKind::Nftables,
                    .family = family,
                    .table = attributes.text(NFTA_CHAIN_TABLE),
                    .name = attributes.text(NFTA_CHAIN_NAME)};
  const bool has_input = family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET;
  if (has_input && attributes.find(NFTA_CHAIN_HOOK) &&
      attributes.text(NFTA_CHAIN_TYPE) == "filter") {
    const auto hook = attributes.nested(NFTA_CHAIN_HOOK);
    chain.is_input = number_of(hook, NFTA_HOOK_HOOKNUM) == NF_INET_LOCAL_IN;
    chain.drops_the_rest =
        attributes.find(NFTA_CHAIN_POLICY) && number_of(attributes, NFTA_CHAIN_POLICY) == NF_DROP;
  }
  return chain;
}

/// The chains that a rule leads to.
std::vector<std::string> targets_of(const NetlinkAttributes& rule) {
  std::vector<std::string> targets;
  NetlinkAttributes expressions = rule.nested(NFTA_RULE_EXPRESSIONS);
  while (const auto each = expressions.next()) {
    const auto expression = each->value.nested();
    if (expression.text(NFTA_EXPR_NAME) != "immediate") continue;
    const auto verdict =
        expression.nested(NFTA_EXPR_DATA).nested(NFTA_IMMEDIATE_DATA).nested(NFTA_DATA_VERDICT);
    if (verdict.find(NFTA_VERDICT_CHAIN)) targets.push_back(verdict.text(NFTA_VERDICT_CHAIN));
  }
  return targets;
}

}  // namespace

Result<PacketFilters> read_packet_filters(NetlinkSocket& netfilter) {
  PacketFilters found;
  auto error = dump(netfilter, NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE,
                    [&found](int family, const NetlinkAttributes& attributes) {
                      found.tables.push_back({family, attributes.text(NFTA_TABLE_NAME)});
                    });
  if (error) return error;
  error = dump(netfilter, NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN,
               [&found](int family, const NetlinkAttributes& attributes) {
                 found.chains.push_back(chain_of(family, attributes));
               });
  if (error) return error;
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    auto chains = read_legacy_chains(family);
    if (!chains) return chains.error();
    std::move(chains->begin(), chains->end(), std::back_inserter(found.chains));
  }
  // Of this thread's namespace. Not there unless IPVS is loaded.
  const auto ipvs = read_file("/proc/thread-self/net/ip_vs", kLargest);
  if (ipvs) {
    found.ipvs_services = count_ipvs_services(*ipvs);
  } else if (ipvs.error() != errc::no_such_file_or_directory) {
    found.ipvs_services.reset();
  }
  return found;
}

std::size_t count_ipvs_services(std::string_view text) {
  std::size_t services = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    // Three lines of headings come first; lines of backends begin with an arrow.
    for (const std::string_view kind : {"TCP  ", "UDP  ", "SCTP ", "FWM  "}) {
      if (line.starts_with(kind)) ++services;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return services;
}

NetlinkFailure delete_tables(NetlinkSocket& netfilter, const std::vector<FilterTable>& tables) {
  if (tables.empty()) return {};
  std::vector<NetlinkRequest> batch{batch_edge(NFNL_MSG_BATCH_BEGIN)};
  for (const FilterTable& table : tables) {
    batch.push_back(request_of(NFT_MSG_DELTABLE, 0, table.family));
    batch.back().text(NFTA_TABLE_NAME, table.name);
  }
  batch.push_back(batch_edge(NFNL_MSG_BATCH_END));
  return netfilter.transaction(std::move(batch));
}

NetlinkFailure delete_chains(NetlinkSocket& netfilter, const std::vector<FilterChain>& chains) {
  std::set<std::tuple<int, std::string, std::string>> doomed;
  for (const FilterChain& chain : chains) {
    if (chain.kind == FilterKind::Nftables) doomed.emplace(chain.family, chain.table, chain.name);
  }
  if (doomed.empty()) return {};
  std::vector<NetlinkRequest> batch{batch_edge(NFNL_MSG_BATCH_BEGIN)};
  const auto error = dump(
      netfilter, NFT_MSG_GETRULE, NFT_MSG_NEWRULE, [&](int family, const NetlinkAttributes& rule) {
        const std::string table = rule.text(NFTA_RULE_TABLE);
        const std::string chain = rule.text(NFTA_RULE_CHAIN);
        const auto handle = rule.find(NFTA_RULE_HANDLE);
        if (!handle || doomed.contains({family, table, chain})) return;
        const auto targets = targets_of(rule);
        if (std::none_of(targets.begin(), targets.end(), [&](const std::string& target) {
              return doomed.contains({family, table, target});
            })) {
          return;
        }
        batch.push_back(request_of(NFT_MSG_DELRULE, 0, family));
        batch.back().text(NFTA_RULE_TABLE, table).text(NFTA_RULE_CHAIN, chain);
        batch.back().attribute(NFTA_RULE_HANDLE, handle->bytes());
      });
  if (error) return {error, {}};
  // First all rules, as they lead from one of these chains to the next.
  for (const auto& [family, table, name] : doomed) {
    batch.push_back(request_of(NFT_MSG_DELRULE, 0, family));
    batch.back().text(NFTA_RULE_TABLE, table).text(NFTA_RULE_CHAIN, name);
  }
  for (const auto& [family, table, name] : doomed) {
    batch.push_back(request_of(NFT_MSG_DELCHAIN, 0, family));
    batch.back().text(NFTA_CHAIN_TABLE, table).text(NFTA_CHAIN_NAME, name);
  }
  batch.push_back(batch_edge(NFNL_MSG_BATCH_END));
  return netfilter.transaction(std::move(batch));
}

}  // namespace wherry::steer
