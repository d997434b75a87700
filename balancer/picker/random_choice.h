#pragma once

#include "balancer/picker/picker.h"
#include "balancer/picker/weights.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace wherry::balancer {

/// Each backend with the probability of its weight, whatever came before (L1: what kube-proxy's
/// iptables and nftables modes do). Second choices are as fair among the others.
class RandomChoice final : public Picker {
 public:
  /// Precondition: size > 0.
  RandomChoice(std::size_t size, std::vector<std::uint32_t> weights);

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;

 private:
  const std::size_t size_;
  std::optional<AliasTable> by_weight_;
};

}  // namespace wherry::balancer
