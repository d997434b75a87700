#pragma once

#include "proxy/steer/local_addresses.h"

#include <set>

namespace wherry::steer {

/// A machine that has these addresses, beside loopback and the wildcards.
class FakeLocalAddresses final : public LocalAddresses {
 public:
  [[nodiscard]] bool contains(const IpAddress& address) const override {
    return address.is_loopback() || address.is_unspecified() || addresses.contains(address);
  }

  std::set<IpAddress> addresses;
};

}  // namespace wherry::steer
