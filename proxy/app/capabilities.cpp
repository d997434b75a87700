#include "proxy/app/capabilities.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace wherry::app {
namespace {

using Data = std::array<__user_cap_data_struct, 2>;

bool get(Data& data) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, data.data()) == 0;
}

bool is_set(const Data& data, int capability) {
  const auto index = static_cast<std::size_t>(capability / 32);
  return (data[index].effective & (1u << (capability % 32))) != 0;
}

constexpr std::array kNames = {std::pair(CAP_NET_ADMIN, "NET_ADMIN"),
                               std::pair(CAP_NET_RAW, "NET_RAW"),
                               std::pair(CAP_NET_BIND_SERVICE, "NET_BIND_SERVICE"),
                               std::pair(CAP_BPF, "BPF"),
                               std::pair(CAP_DAC_OVERRIDE, "DAC_OVERRIDE"),
                               std::pair(CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH"),
                               std::pair(CAP_SYS_ADMIN, "SYS_ADMIN")};

}  // namespace

bool has_capability(int capability) {
  Data data{};
  return get(data) && is_set(data, capability);
}

std::string keep_capabilities(const std::vector<int>& kept) {
  Data data{};
  if (!get(data)) return {};
  Data wanted{};
  for (const int capability : kept) {
    const auto index = static_cast<std::size_t>(capability / 32);
    const std::uint32_t bit = 1u << (capability % 32);
    wanted[index].effective |= data[index].effective & bit;
    wanted[index].permitted |= data[index].permitted & bit;
  }
  // The bounding set first, as that needs CAP_SETPCAP: programs that are started (credential
  // plugins) can't get back what is dropped either. Where it can't be had, nothing is worse.
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (std::find(kept.begin(), kept.end(), capability) == kept.end()) {
      ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capset, &header, wanted.data()) != 0) wanted = data;
  std::string text;
  for (const auto& [capability, name] : kNames) {
    if (is_set(wanted, capability)) text += (text.empty() ? "" : ",") + std::string(name);
  }
  return text;
}

}  // namespace wherry::app
