#include "proxy/app/ephemeral_ports.h"

#include <fstream>

namespace wherry::app {

std::uint64_t ephemeral_ports() {
  constexpr std::uint64_t kDefault = 60999 - 32768 + 1;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  return file >> first >> last && first <= last && last <= 65535 ? last - first + 1 : kDefault;
}

}  // namespace wherry::app
