#pragma once

#include "base/random.h"

#include <cstdint>

namespace wherry::test {

/// Chooses the same share of what there is, every time.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(double share = 0) : unit(share) {}

  [[nodiscard]] std::uint64_t next_below(std::uint64_t n) override {
    return static_cast<std::uint64_t>(unit * static_cast<double>(n));
  }

  double unit;  ///< at least 0, less than 1
};

}  // namespace wherry::test
