#include "base/service_block.h"

namespace wherry {

bool could_be_of_services(const Cidr& block) noexcept {
  return block.prefix_length() >= 8 && !block.base().is_loopback() && !block.base().is_multicast();
}

}  // namespace wherry
