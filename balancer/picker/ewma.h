#pragma once

#include "balancer/backend.h"
#include "balancer/picker/picker.h"
#include "balancer/picker/weights.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace wherry::balancer {

/// Of two backends drawn by weight the one that answers sooner: the lower product of how long it
/// has lately taken to accept (LatencyAverage) and its sessions and dials, for its weight.
class Ewma final : public Picker {
 public:
  /// One state for each backend. Precondition: there is one.
  Ewma(std::vector<std::shared_ptr<BackendState>> states, std::vector<std::uint32_t> weights);

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;

 private:
  [[nodiscard]] std::size_t draw(std::uint64_t bits) const noexcept;
  [[nodiscard]] double cost(std::size_t position, TimePoint now) const noexcept;

  const std::vector<std::shared_ptr<BackendState>> states_;
  std::optional<AliasTable> by_weight_;
};

}  // namespace wherry::balancer
