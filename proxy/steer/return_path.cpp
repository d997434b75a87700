#include "proxy/steer/return_path.h"

#include <algorithm>
#include <utility>

namespace wherry::steer {
namespace {

namespace errc = boost::system::errc;

/// For a record's filters to be removed no program is needed.
class NoProgram final : public bpf::ReturnProgram {
 public:
  [[nodiscard]] int fd() const override { return -1; }
  [[nodiscard]] std::uint32_t id() const override { return 0; }
  error_code apply(const bpf::ReturnScope&) override { return {}; }
};

/// How a record names the table.
const LinkChange kNftTable{0, "nftables", "table inet wherry_return"};

bool lists_nft(const NodeRecord& record) {
  return std::find(record.links.begin(), record.links.end(), kNftTable) != record.links.end();
}

/// Removes filters and qdiscs; what could not be looked for is a failure too.
RemovedReturnPath remove_links(TrafficControl& tc, const NodeRecord& left) {
  std::vector<LinkChange> links = left.links;
  const error_code unseen = add_unlisted(tc, links);
  NoProgram none;
  IngressKeeper keeper(tc, none, links);
  RemovedReturnPath removed;
  const std::size_t before = keeper.links().size();
  removed.failure = keeper.remove_all();
  removed.links = before - keeper.links().size();
  if (unseen && !removed.failure) removed.failure = {unseen, ""};
  return removed;
}

std::string why_no_program(const error_code& error) {
  if (error == errc::operation_not_permitted) {
    return "the program that brings answers back can't be loaded: CAP_BPF or CAP_NET_ADMIN is "
           "missing; grant them, or use --transparent off";
  }
  return "the program that brings answers back can't be loaded (" + error.message() +
         "): it needs Linux 5.15; use --transparent nft, or off";
}

}  // namespace

MarkRuleSpec return_rule() {
  const std::uint32_t mark = bpf::return_mark();
  return {.mark = mark, .mask = mark, .table = kReturnTable, .priority = kReturnPriority};
}

ReturnPath::ReturnPath(How how, NetlinkSocket& netlink)
    : rule_(netlink, return_rule()), tc_(netlink) {
  if (how == How::Nft) nft_.emplace(bpf::return_mark());
}

std::variant<std::unique_ptr<ReturnPath>, std::string> ReturnPath::open(How how,
                                                                        NetlinkSocket& netlink,
                                                                        const NetworkState& now,
                                                                        const NodeRecord& left) {
  auto path = std::make_unique<ReturnPath>(how, netlink);
  if (how == How::Programs) {
    auto program = bpf::LibbpfReturnProgram::load();
    if (!program) return why_no_program(program.error());
    path->program_ = std::move(*program);
    path->keeper_.emplace(path->tc_, *path->program_, left.links);
    // Of a predecessor that did it the other way.
    if (lists_nft(left)) (void)NftReturn(bpf::return_mark()).remove();
  } else {
    (void)remove_links(path->tc_, left);
  }
  // The rule first: what has the mark without it would go astray.
  if (const NetlinkFailure failure = path->rule_.add()) {
    (void)path->remove_all();
    return "the rule for answers can't be set (" + failure.to_string() +
           "): CAP_NET_ADMIN is missing, or the kernel has no policy routing";
  }
  if (path->nft_) {
    if (const NetlinkFailure failure = path->nft_->add()) {
      (void)path->remove_all();
      return "the nftables rule for answers can't be set (" + failure.to_string() +
             "): the kernel needs nf_tables with nft_socket";
    }
  }
  if (const auto checked = path->check(now); checked.error) {
    (void)path->remove_all();
    return "the interfaces can't be looked at: " + checked.error.message();
  }
  if (path->keeper_ && path->keeper_->size() == 0) {
    const auto problems = path->keeper_->problems();
    (void)path->remove_all();
    return problems.empty() ? std::string("there is no interface but lo") : problems.front();
  }
  return path;
}

ReturnPathCheck ReturnPath::check(const NetworkState& now) {
  ReturnPathCheck done;
  const MarkRuleCheck rules = rule_.check();
  for (const IpFamily family : rules.mended) {
    done.repairs["the ip rule for answers to clients, " + std::string(to_string(family))] = 1;
  }
  done.error = rules.error;
  if (done.error) return done;
  const auto mended = nft_ ? nft_->check() : keeper_->check(now);
  if (!mended) {
    done.error = mended.error();
  } else if (*mended > 0) {
    done.repairs[nft_ ? "the nftables table wherry_return"
                      : "tc filters wherry_return at interfaces"] = *mended;
  }
  return done;
}

/// The mark goes before the rule does.
NetlinkFailure ReturnPath::remove_all() {
  NetlinkFailure first;
  const auto note = [&first](NetlinkFailure failure) {
    if (failure && !first) first = std::move(failure);
  };
  if (keeper_) note(keeper_->remove_all());
  if (nft_) note(nft_->remove());
  note(rule_.remove());
  return first;
}

void ReturnPath::add_to(NodeRecord& record) const {
  record.mark_rules.push_back(return_rule());
  if (!keeper_) {
    record.links.push_back(kNftTable);
    return;
  }
  const auto links = keeper_->links();
  record.links.insert(record.links.end(), links.begin(), links.end());
}

std::vector<std::string> ReturnPath::problems() const {
  return keeper_ ? keeper_->problems() : std::vector<std::string>();
}

RemovedReturnPath remove_return_path(NetlinkSocket& netlink, const NodeRecord& left) {
  NetlinkTrafficControl tc(netlink);
  RemovedReturnPath removed = remove_links(tc, left);
  const auto note = [&removed](NetlinkFailure failure) {
    if (failure && !removed.failure) removed.failure = std::move(failure);
  };
  NftReturn nft(bpf::return_mark());
  // Where the kernel has no nf_tables there is nothing of it.
  NetlinkFailure failure = nft.remove();
  if (failure.code != errc::operation_not_supported && failure.code != errc::invalid_argument) {
    note(std::move(failure));
  }
  note(MarkRule(netlink, return_rule()).remove());
  return removed;
}

}  // namespace wherry::steer
