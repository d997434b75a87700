#pragma once

#include "base/result.h"
#include "proxy/steer/arp_guard.h"
#include "proxy/steer/mark_rule.h"
#include "proxy/steer/node_lock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wherry::steer {

/// A setting of the kernel that was changed by its file.
struct SysctlChange {
  std::string name;  ///< "net.ipv4.conf.all.src_valid_mark"
  std::string before;
  std::string set;

  friend bool operator==(const SysctlChange&, const SysctlChange&) = default;
};

/// Something that was attached to an interface: a tc filter.
struct LinkChange {
  unsigned interface = 0;  ///< its index
  std::string name;
  std::string what;  ///< as whoever attached it names it ("tc ingress 87")

  friend bool operator==(const LinkChange&, const LinkChange&) = default;
};

/// What of a node's kernel state is ours: what a stop, `wherry cleanup` and the next start have to
/// undo or to take over. Routes are known by their protocol number and not listed one by one.
struct NodeRecord {
  NodeOwner owner{};
  std::vector<std::uint8_t> route_protocols{};
  std::vector<MarkRuleSpec> mark_rules{};
  std::vector<ArpChange> arp{};
  std::vector<LinkChange> links{};
  std::vector<SysctlChange> sysctls{};
  std::vector<std::string> pins{};  ///< paths in a BPF file system

  [[nodiscard]] bool is_empty() const;
  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

/// Where a node's record is: "RUN_DIR/netns-INODE.json".
[[nodiscard]] std::string node_record_path(const std::string& run_dir,
                                           const NetworkNamespace& node);

/// None: nothing was left. A text: what is wrong with the file, and the remedy; what it listed is
/// not known then, but routes and rules are found by their protocol number all the same. Of a
/// record that another namespace with the same inode has left only the pins come back, which have
/// outlived it.
[[nodiscard]] std::variant<std::optional<NodeRecord>, std::string> read_node_record(
    const std::string& run_dir, const NetworkNamespace& node);

/// Writes the record, whole or not at all; removes the file where the record is empty. The folder
/// must be there.
[[nodiscard]] error_code write_node_record(const std::string& run_dir, const NetworkNamespace& node,
                                           const NodeRecord& record);

}  // namespace wherry::steer
