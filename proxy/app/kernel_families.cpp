#include "proxy/app/kernel_families.h"

#include <fstream>
#include <iterator>

namespace wherry::app {
namespace {

std::optional<std::string> read(const char* path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

std::vector<IpFamily> families_of(const std::optional<std::string>& if_inet6,
                                  const std::optional<std::string>& disable_ipv6) {
  std::vector<IpFamily> families = {IpFamily::IPv4};
  if (if_inet6 && !(disable_ipv6 && disable_ipv6->starts_with('1'))) {
    families.push_back(IpFamily::IPv6);
  }
  return families;
}

std::vector<IpFamily> kernel_families() {
  return families_of(read("/proc/net/if_inet6"), read("/proc/sys/net/ipv6/conf/all/disable_ipv6"));
}

}  // namespace wherry::app
