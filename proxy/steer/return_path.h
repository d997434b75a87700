#pragma once

#include "base/result.h"
#include "proxy/bpf/return_program.h"
#include "proxy/steer/ingress_keeper.h"
#include "proxy/steer/interfaces.h"
#include "proxy/steer/mark_rule.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/nft_return.h"
#include "proxy/steer/node_record.h"
#include "proxy/steer/repair_log.h"
#include "proxy/steer/traffic_control.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wherry::steer {

/// Of the rule that leads marked packets here. It comes after the kernel's rule for local addresses
/// (0) and before what CNI plugins have (9 to 1536 were seen; none of them looks at our bit).
inline constexpr std::uint32_t kReturnTable = 87;
inline constexpr std::uint32_t kReturnPriority = 30;
[[nodiscard]] MarkRuleSpec return_rule();

/// What ReturnPath::check() did: repairs count though a later step failed.
struct ReturnPathCheck {
  Repairs repairs;
  error_code error;  ///< of what could not be looked at or put back; nothing behind it was
};

/// Brings what backends answer to sockets with a client's address back to those sockets: a mark on
/// such packets as they come in, by the return program or by nftables, and a rule and a route for
/// what has the mark. Nothing is to be served with clients' addresses before open() has succeeded,
/// nor after remove_all().
///
/// Control thread only.
class ReturnPath {
 public:
  enum class How { Programs, Nft };

  /// Sets everything up, on the interfaces that there are `now`. `left` is what a predecessor's
  /// record lists: taken over. A text: why it can't be had, with what was done undone.
  [[nodiscard]] static std::variant<std::unique_ptr<ReturnPath>, std::string> open(
      How how, NetlinkSocket& netlink, const NetworkState& now, const NodeRecord& left);

  /// Sets up nothing: open() does, and gives what it returns.
  ReturnPath(How how, NetlinkSocket& netlink);

  /// Follows interfaces, and puts back what somebody took away (R7): says what.
  [[nodiscard]] ReturnPathCheck check(const NetworkState& now);
  /// The first failure; what is left is named in record().
  NetlinkFailure remove_all();

  /// Lists what is ours.
  void add_to(NodeRecord& record) const;
  /// What an operator should look at, in words with the remedy.
  [[nodiscard]] std::vector<std::string> problems() const;
  /// On how many interfaces programs are; 0 with nftables.
  [[nodiscard]] std::size_t interfaces() const noexcept { return keeper_ ? keeper_->size() : 0; }

 private:
  MarkRule rule_;
  std::optional<NftReturn> nft_;
  NetlinkTrafficControl tc_;
  std::unique_ptr<bpf::ReturnProgram> program_;
  std::optional<IngressKeeper> keeper_;
};

/// What remove_return_path() did.
struct RemovedReturnPath {
  NetlinkFailure failure;  ///< the first one
  std::size_t links = 0;   ///< filters and qdiscs, listed and found
};

/// Removes what a record lists of a return path and what is found of it on interfaces, and
/// nftables' table: for `wherry cleanup`, and for a start that sets up none.
[[nodiscard]] RemovedReturnPath remove_return_path(NetlinkSocket& netlink, const NodeRecord& left);

}  // namespace wherry::steer
