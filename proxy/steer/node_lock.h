#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstdint>
#include <string>
#include <variant>

namespace wherry::steer {

/// Which node this is: a node is a network namespace, because tests have several on one file
/// system.
struct NetworkNamespace {
  std::uint64_t inode = 0;   ///< of /proc/self/ns/net; may be used again once the namespace is gone
  std::uint64_t cookie = 0;  ///< unique until the next boot (Linux 5.14); 0 where there is none

  friend bool operator==(const NetworkNamespace&, const NetworkNamespace&) = default;
};

/// Of the calling thread.
[[nodiscard]] Result<NetworkNamespace> own_network_namespace();

/// Who steers a node.
struct NodeOwner {
  std::int64_t pid = 0;  ///< as its own PID namespace counts
  std::string started;   ///< a time for people
  std::string
      host{};  ///< the name of its machine or pod: in a container a pid says little. Not in records

  friend bool operator==(const NodeOwner&, const NodeOwner&) = default;
};

/// Why there is no lock.
struct NodeLockRefusal {
  /// Another process steers this node; else the folder or the file can't be used.
  bool is_taken = false;
  std::string text;      ///< whole sentence, with the remedy
  std::string holder{};  ///< of one that is taken: who has it, and by what
};

/// The right to steer a node: a locked file in `--run-dir`, named by the network namespace, and a
/// name in that namespace (node_socket.h) for who has another folder, or another file system. Gone
/// with the process, whatever ends it. Two namespaces can be steered beside each other.
///
/// Movable; any thread. The file is removed with the lock.
class NodeLock {
 public:
  /// Makes the folder where it lacks. Never waits. `node` is the calling thread's. Where the name
  /// can't be had the file counts alone, with a warning.
  [[nodiscard]] static std::variant<NodeLock, NodeLockRefusal> take(const std::string& run_dir,
                                                                    const NetworkNamespace& node,
                                                                    const NodeOwner& self);
  NodeLock(NodeLock&&) noexcept = default;
  NodeLock& operator=(NodeLock&&) = delete;
  ~NodeLock();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  NodeLock(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  UniqueFd file_;
  UniqueFd socket_;  ///< none where the name could not be had
  std::string path_;
};

}  // namespace wherry::steer
