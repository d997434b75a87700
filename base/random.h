#pragma once

#include "base/mix.h"

#include <cstdint>
#include <memory>

namespace wherry {

/// The only source of chance, so that tests can choose it. One thread.
class Random {
 public:
  virtual ~Random() = default;

  /// 0 to n - 1, each as likely as the others. Precondition: n > 0.
  [[nodiscard]] virtual std::uint64_t next_below(std::uint64_t n) = 0;
  /// At least 0, less than 1.
  [[nodiscard]] double next_unit();
};

/// 64 random bits at a time, in a nanosecond, where a choice is made for every connection
/// (SplitMix64). The same seed gives the same bits. One thread; not for secrets.
class RandomBits {
 public:
  explicit constexpr RandomBits(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] constexpr std::uint64_t next() noexcept {
    state_ += kGolden;
    return mix(state_);
  }

 private:
  std::uint64_t state_;
};

/// Seeded from the machine: no two processes make the same choices. Not for secrets.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  ~SystemRandom() override;

  [[nodiscard]] std::uint64_t next_below(std::uint64_t n) override;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace wherry
