#pragma once

#include <cstdint>
#include <initializer_list>

namespace wherry::test {

/// The thread has no other capabilities than these (of <linux/capability.h>) in force as long as
/// this lives. What it may have stays as it is.
class LoweredCapabilities {
 public:
  LoweredCapabilities(std::initializer_list<int> keep);
  ~LoweredCapabilities();
  LoweredCapabilities(const LoweredCapabilities&) = delete;
  LoweredCapabilities& operator=(const LoweredCapabilities&) = delete;

 private:
  std::uint64_t before_ = 0;
};

}  // namespace wherry::test
