#pragma once

#include "proxy/bpf/kernel_steering.h"
#include "proxy/steer/repair_log.h"

#include <string>

namespace wherry::steer {

/// Keeps the kernel asking us, and pinned what shall outlive the process (R7).
///
/// Control thread only. The kernel outlives it.
class AttachmentKeeper {
 public:
  explicit AttachmentKeeper(bpf::KernelSteering& kernel) : kernel_(kernel) {}

  /// Attaches and pins what is not; says what of it somebody had taken away that is back.
  Repairs check();

  /// As the last check left it.
  [[nodiscard]] bool is_attached() const noexcept { return is_attached_; }
  /// Why not, with the remedy; empty if it is.
  [[nodiscard]] const std::string& why_not_attached() const noexcept { return why_not_attached_; }
  /// That what shall be pinned is not, which clients can do without; empty if all is.
  [[nodiscard]] const std::string& why_not_pinned() const noexcept { return why_not_pinned_; }

 private:
  bpf::KernelSteering& kernel_;
  bool is_attached_ = false;
  bool was_whole_ = false;  ///< at some time: what is not pinned any more somebody has removed
  std::string why_not_attached_;
  std::string why_not_pinned_;
};

}  // namespace wherry::steer
