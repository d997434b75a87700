#include "proxy/bpf/capability.h"

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/bpf/libbpf_log.h"

#include <array>
#include <bpf/bpf.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace wherry::bpf {
namespace {

bool is_effective(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[capability / 32].effective >> (capability % 32) & 1) != 0;
}

/// Of who has CAP_BPF: "hash tables for programs: Operation not permitted; give the process ...".
std::string refusal(int error, const char* of_what) {
  std::string text = std::string(of_what) + ": " + boost::system::system_category().message(error);
  if (error != EPERM) return text;
  if (!is_effective(CAP_NET_ADMIN)) return text + "; give the process CAP_NET_ADMIN";
  return text + "; seccomp or the kernel's lockdown forbids it: allow the system call bpf()";
}

Ability can_make_map(bpf_map_type type, std::uint32_t key, std::uint32_t value, std::uint32_t flags,
                     const char* of_what) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = flags;
  const UniqueFd map(::bpf_map_create(type, nullptr, key, value, 1, &options));
  if (map) return {};
  const int error = errno;
  if (error == ENOSYS) return {false, "the kernel has no bpf(): it lacks CONFIG_BPF_SYSCALL"};
  if (error == EINVAL) {
    return {false, std::string("the kernel has no ") + of_what +
                       ": wherry needs Linux 5.15 with "
                       "CONFIG_BPF_SYSCALL, CONFIG_INET and CONFIG_NET_SOCK_MSG"};
  }
  return {false, refusal(error, of_what)};
}

bpf_insn instruction(int code, int to, int from, int offset, int value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = static_cast<std::uint8_t>(to & 0xf);
  made.src_reg = static_cast<std::uint8_t>(from & 0xf);
  made.off = static_cast<std::int16_t>(offset);
  made.imm = value;
  return made;
}

/// 0, or why the kernel takes no program that reads so many bytes into what is looked up.
template <std::size_t n>
int try_program(const std::array<bpf_insn, n>& code) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = BPF_SK_LOOKUP;
  const UniqueFd program(::bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "wherry_probe", "Apache-2.0",
                                         code.data(), code.size(), &options));
  return program ? 0 : errno;
}

const bpf_insn kPass = instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, SK_PASS);
const bpf_insn kExit = instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

Ability can_load_programs() {
  const int error = try_program(std::array{kPass, kExit});
  if (error == 0) return {};
  if (error == EINVAL) {
    return {false, "the kernel knows no socket lookup programs: wherry needs Linux 5.15"};
  }
  return {false, refusal(error, "a socket lookup program")};
}

}  // namespace

bool sees_ingress_interface() {
  const bpf_insn read =
      instruction(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(bpf_sk_lookup, ingress_ifindex), 0);
  return try_program(std::array{read, kPass, kExit}) == 0;
}

bool may_call_bpf() { return is_effective(CAP_BPF); }

Capability find_capability() {
  log_libbpf();
  Capability found;
  if (may_call_bpf()) {
    found.maps =
        can_make_map(BPF_MAP_TYPE_HASH, 4, 4, BPF_F_NO_PREALLOC, "hash tables for programs");
  } else {
    found.maps = {false, "bpf(): the process has no CAP_BPF; give the process CAP_BPF"};
  }
  if (found.maps) {
    found.maps = can_make_map(BPF_MAP_TYPE_LPM_TRIE, 8, 4, BPF_F_NO_PREALLOC, "tables of prefixes");
  }
  if (found.maps) found.maps = can_make_map(BPF_MAP_TYPE_SOCKMAP, 4, 8, 0, "tables of sockets");
  found.programs = found.maps ? can_load_programs() : Ability{false, found.maps.lacks};
  return found;
}

Ability can_pin(const std::string& folder) {
  // The folder that is there already says on which file system the rest would be made.
  std::error_code error;
  std::filesystem::path there = std::filesystem::path(folder).lexically_normal();
  while (!there.empty() && there != there.root_path() && !std::filesystem::exists(there, error)) {
    there = there.parent_path();
  }
  struct statfs of{};
  if (::statfs(there.c_str(), &of) != 0 || of.f_type != BPF_FS_MAGIC) {
    return {false, folder + " is on no bpffs: mount one there (mount -t bpf bpf /sys/fs/bpf)"};
  }
  std::filesystem::create_directories(folder, error);
  if (error) return {false, folder + " can't be made: " + error.message()};
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return {false,
            folder + " can't be written to: " + boost::system::system_category().message(errno)};
  }
  return {};
}

}  // namespace wherry::bpf
