#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <string>
#include <variant>

namespace wherry::steer {

/// The abstract socket that who steers a network namespace listens on (unix(7)), without the zero
/// byte that such names begin with.
inline constexpr char kNodeSocketName[] = "wherry/node";

/// Who has the name already: this process's user, or root.
struct NodeSocketHolder {
  std::int64_t pid = 0;  ///< as our PID namespace counts; 0: it can't be told
};

/// Why the name says nothing here: it can't be had, or somebody has it who is not to be believed.
struct NodeSocketUnusable {
  std::string reason;
};

/// Takes the name in the network namespace of the calling thread. The kernel keeps such names by
/// namespace and gives them back with the descriptor, whatever ends the process, so that processes
/// with different folders and mounts meet here.
///
/// Any user of the machine may take a name. Another one's, but root's, is passed over: it must not
/// be able to keep wherry from starting. Never waits.
[[nodiscard]] std::variant<UniqueFd, NodeSocketHolder, NodeSocketUnusable> take_node_socket();

}  // namespace wherry::steer
