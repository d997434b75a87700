#include "base/random.h"

#include <random>

namespace wherry {

double Random::next_unit() {
  constexpr std::uint64_t kSteps = 1u << 30;
  return static_cast<double>(next_below(kSteps)) / static_cast<double>(kSteps);
}

struct SystemRandom::Engine {
  std::mt19937_64 bits{std::random_device{}()};
};

SystemRandom::SystemRandom() : engine_(std::make_unique<Engine>()) {}

SystemRandom::~SystemRandom() = default;

std::uint64_t SystemRandom::next_below(std::uint64_t n) {
  return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(engine_->bits);
}

}  // namespace wherry
