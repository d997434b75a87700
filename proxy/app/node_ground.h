#pragma once

#include "base/cidr.h"
#include "config/options.h"
#include "proxy/bpf/libbpf_steering.h"
#include "proxy/steer/kernel_network.h"
#include "proxy/steer/node_lock.h"
#include "proxy/steer/node_record.h"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace wherry::app {

/// Where the kernel's programs and maps of a node are pinned.
[[nodiscard]] std::string pin_folder_of(const steer::NetworkNamespace& node);

/// Why a process does not steer its node.
struct NodeRefusal {
  enum class Kind {
    Taken,        ///< another process does
    Unavailable,  ///< the lock can't be had
    Privilege,    ///< it may not change the network: `bind` is what is left
  };
  Kind kind = Kind::Unavailable;
  std::string text;  ///< with the remedy
};

/// What a process holds that steers its node: the lock, the record of what it has set up, its hands
/// on the network and, where that can be had, on the kernel's choice of sockets.
///
/// Control thread only. Until release() it leaves behind what a killed process leaves.
class NodeGround {
  struct Key {};  ///< only take() has it

 public:
  /// Takes the lock, and looks at what a process before this one has left. Changes nothing yet.
  [[nodiscard]] static std::variant<std::unique_ptr<NodeGround>, NodeRefusal> take(
      const config::Options& options);
  NodeGround(Key, std::string run_dir, steer::NetworkNamespace node, steer::NodeLock lock);
  NodeGround(const NodeGround&) = delete;
  NodeGround& operator=(const NodeGround&) = delete;

  [[nodiscard]] steer::KernelNetwork& network() noexcept { return *network_; }
  /// null where the kernel takes no program, and why_no_program() says why.
  [[nodiscard]] bpf::KernelSteering* program() noexcept { return program_.get(); }
  [[nodiscard]] const std::string& why_no_program() const noexcept { return why_no_program_; }

  /// Whether the program tells clients by the interface that they come in by, too (Linux 5.17).
  [[nodiscard]] bool sees_interfaces() const noexcept {
    return program_ != nullptr && program_->sees_interfaces();
  }

  /// Says in the log what takes packets to Services before they get here: other proxies' rules, of
  /// which there may be ten thousands. `beside`: kube-proxy is meant to be here, with Services of
  /// its own.
  void warn_of_leftovers(bool beside) const;

  /// What else has been set up, for who has to undo it after a crash; save() writes it down.
  [[nodiscard]] steer::NodeRecord& record() noexcept { return record_; }
  void save();
  /// All is taken back: there is nothing to write down any more.
  void release();

 private:
  void open_program();

  const std::string run_dir_;
  const steer::NetworkNamespace node_;
  steer::NodeLock lock_;
  steer::NodeRecord record_;
  std::unique_ptr<steer::KernelNetwork> network_;
  std::unique_ptr<bpf::LibbpfSteering> program_;
  std::string why_no_program_;
};

/// What `wherry cleanup` came to, in lines for people.
struct Cleaned {
  std::vector<std::string> done;
  std::vector<std::string> left;  ///< what could not be undone, each with its remedy
  std::string conclusion;         ///< to be said where nothing is left
};

/// Undoes what a process that has ended has left of steering this node (R5), and, with
/// `kube_proxy`, kube-proxy's rules that take Services' packets. A wherry that runs is left alone
/// with all that it has set up, which without `kube_proxy` is all that there was to do.
[[nodiscard]] Cleaned clean_node(const config::Options& options, bool kube_proxy);

}  // namespace wherry::app
