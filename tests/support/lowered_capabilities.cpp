#include "tests/support/lowered_capabilities.h"

#include <array>
#include <cstdlib>
#include <linux/capability.h>
#include <stdexcept>
#include <sys/syscall.h>
#include <unistd.h>

namespace wherry::test {
namespace {

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

Sets read_sets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) throw std::runtime_error("capget");
  return sets;
}

bool set_effective(std::uint64_t capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets = read_sets();
  sets[0].effective = static_cast<std::uint32_t>(capabilities);
  sets[1].effective = static_cast<std::uint32_t>(capabilities >> 32);
  return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

}  // namespace

LoweredCapabilities::LoweredCapabilities(std::initializer_list<int> keep) {
  const Sets sets = read_sets();
  before_ = sets[0].effective | std::uint64_t{sets[1].effective} << 32;
  std::uint64_t kept = 0;
  for (const int capability : keep) kept |= std::uint64_t{1} << capability;
  if (!set_effective(before_ & kept)) throw std::runtime_error("capset");
}

LoweredCapabilities::~LoweredCapabilities() {
  if (!set_effective(before_)) std::abort();
}

}  // namespace wherry::test
