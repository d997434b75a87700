#include "proxy/steer/nft_return.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

constexpr const char* kTable = "wherry_return";
constexpr const char* kChain = "prerouting";
constexpr std::int32_t kPriorityMangle = -150;  // NF_IP_PRI_MANGLE
constexpr std::uint32_t kRegister = NFT_REG_1;

nfgenmsg generic(std::uint8_t family, std::uint16_t resource = 0) {
  nfgenmsg header{};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  header.res_id = htons(resource);
  return header;
}

NetlinkRequest request(int type, unsigned flags) {
  NetlinkRequest made(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
  made.fixed(generic(NFPROTO_INET));
  return made;
}

NetlinkRequest batch(std::uint16_t type) {
  NetlinkRequest made(type, 0);
  made.fixed(generic(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  return made;
}

/// nf_tables' numbers are in network order.
NetlinkRequest& big(NetlinkRequest& to, unsigned type, std::uint32_t value) {
  return to.number(type, htonl(value));
}

template <class Fill>
void expression(NetlinkRequest& to, const char* name, Fill fill) {
  to.nested(NFTA_LIST_ELEM | NLA_F_NESTED, [&](NetlinkRequest& element) {
    element.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA | NLA_F_NESTED, fill);
  });
}

/// What stands in a register is in the machine's order.
void value(NetlinkRequest& to, unsigned type, std::uint32_t number) {
  to.nested(type | NLA_F_NESTED,
            [number](NetlinkRequest& data) { data.number(NFTA_DATA_VALUE, number); });
}

void add_expressions(NetlinkRequest& to, std::uint32_t mark) {
  expression(to, "socket", [](NetlinkRequest& e) {
    big(e, NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT);
    big(e, NFTA_SOCKET_DREG, kRegister);
  });
  expression(to, "cmp", [](NetlinkRequest& e) {
    big(e, NFTA_CMP_SREG, kRegister);
    big(e, NFTA_CMP_OP, NFT_CMP_EQ);
    e.nested(NFTA_CMP_DATA | NLA_F_NESTED,
             [](NetlinkRequest& data) { data.byte(NFTA_DATA_VALUE, 1); });
  });
  expression(to, "meta", [](NetlinkRequest& e) {
    big(e, NFTA_META_KEY, NFT_META_MARK);
    big(e, NFTA_META_DREG, kRegister);
  });
  expression(to, "bitwise", [mark](NetlinkRequest& e) {
    big(e, NFTA_BITWISE_SREG, kRegister);
    big(e, NFTA_BITWISE_DREG, kRegister);
    big(e, NFTA_BITWISE_LEN, sizeof mark);
    value(e, NFTA_BITWISE_MASK, ~mark);
    value(e, NFTA_BITWISE_XOR, mark);
  });
  expression(to, "meta", [](NetlinkRequest& e) {
    big(e, NFTA_META_KEY, NFT_META_MARK);
    big(e, NFTA_META_SREG, kRegister);
  });
}

NetlinkRequest new_table() {
  NetlinkRequest made = request(NFT_MSG_NEWTABLE, NLM_F_CREATE);
  made.text(NFTA_TABLE_NAME, kTable);
  return made;
}

NetlinkRequest delete_table() {
  NetlinkRequest made = request(NFT_MSG_DELTABLE, 0);
  made.text(NFTA_TABLE_NAME, kTable);
  return made;
}

NetlinkRequest new_chain() {
  NetlinkRequest made = request(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  made.text(NFTA_CHAIN_TABLE, kTable)
      .text(NFTA_CHAIN_NAME, kChain)
      .text(NFTA_CHAIN_TYPE, "filter")
      .nested(NFTA_CHAIN_HOOK | NLA_F_NESTED, [](NetlinkRequest& hook) {
        big(hook, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
        big(hook, NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(kPriorityMangle));
      });
  return made;
}

NetlinkRequest new_rule(std::uint32_t mark) {
  NetlinkRequest made = request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  made.text(NFTA_RULE_TABLE, kTable)
      .text(NFTA_RULE_CHAIN, kChain)
      .nested(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED,
              [mark](NetlinkRequest& all) { add_expressions(all, mark); });
  return made;
}

}  // namespace

NetlinkFailure NftReturn::add() {
  std::vector<NetlinkRequest> all;
  all.push_back(batch(NFNL_MSG_BATCH_BEGIN));
  all.push_back(new_table());  // so that there is one to delete
  all.push_back(delete_table());
  all.push_back(new_table());
  all.push_back(new_chain());
  all.push_back(new_rule(mark_));
  all.push_back(batch(NFNL_MSG_BATCH_END));
  return netlink_.transaction(std::move(all));
}

Result<std::size_t> NftReturn::check() {
  NetlinkRequest rules = request(NFT_MSG_GETRULE, NLM_F_DUMP);
  rules.text(NFTA_RULE_TABLE, kTable).text(NFTA_RULE_CHAIN, kChain);
  const auto answers = netlink_.ask(std::move(rules));
  if (!answers && answers.error() != errc::no_such_file_or_directory) return answers.error();
  std::size_t found = 0;
  if (answers) {
    answers->each(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
                  [&found](const NetlinkAnswer&) { ++found; });
  }
  if (found == 1) return 0;
  if (const NetlinkFailure failure = add()) return failure.code;
  return 1;
}

NetlinkFailure NftReturn::remove() {
  std::vector<NetlinkRequest> all;
  all.push_back(batch(NFNL_MSG_BATCH_BEGIN));
  all.push_back(delete_table());
  all.push_back(batch(NFNL_MSG_BATCH_END));
  auto failure = netlink_.transaction(std::move(all));
  return failure.code == errc::no_such_file_or_directory ? NetlinkFailure() : failure;
}

}  // namespace wherry::steer
