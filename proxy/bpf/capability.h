#pragma once

#include <string>

namespace wherry::bpf {

/// Whether something can be had, and if not what is missing, what that costs, and the remedy.
struct Ability {
  bool there = true;
  std::string lacks;

  explicit operator bool() const noexcept { return there; }
};

/// What this process may do in this kernel, tried out: what was compiled in, capabilities, seccomp
/// and lockdown all count.
struct Capability {
  Ability maps;      ///< the bpf() system call, for what steering needs of it
  Ability programs;  ///< a socket lookup program can be loaded

  /// Whether the kernel can steer.
  [[nodiscard]] bool can_steer() const noexcept { return maps.there && programs.there; }
  /// Why not: the first thing that lacks. Empty where it can.
  [[nodiscard]] const std::string& why_not() const noexcept {
    return maps.there ? programs.lacks : maps.lacks;
  }
};

/// Whether a socket lookup program is shown where a packet came in (Linux 5.17), for who knows
/// already that it may load programs.
[[nodiscard]] bool sees_ingress_interface();

/// Whether this process has CAP_BPF, which bpf() asks for at every call. CAP_SYS_ADMIN would do for
/// the kernel; but nothing else needs that, and a process that runs for long should not have it.
[[nodiscard]] bool may_call_bpf();

/// Loads tiny programs and maps that are gone again when it returns. Attaches nothing.
[[nodiscard]] Capability find_capability();

/// Whether things can be pinned below a folder, which is made if it is not there: it has to be on a
/// bpffs that this process may write to.
[[nodiscard]] Ability can_pin(const std::string& folder);

}  // namespace wherry::bpf
