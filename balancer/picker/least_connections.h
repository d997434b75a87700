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

/// The backend with the fewest sessions and dials for its weight; among equals any, each as likely.
///
/// Up to 16 backends all are compared. Of more, 8 are drawn by weight and compared: looking at
/// hundreds would cost more than it gains, since other workers change the counts meanwhile; with 8
/// the fullest backend is hardly ever more than a session above the mean.
class LeastConnections final : public Picker {
 public:
  static constexpr std::size_t kCompareAll = 16;
  static constexpr std::size_t kDrawn = 8;

  /// One state for each backend. Precondition: there is one.
  LeastConnections(std::vector<std::shared_ptr<BackendState>> states,
                   std::vector<std::uint32_t> weights);

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;

 private:
  [[nodiscard]] double load_of(std::size_t position) const noexcept;
  [[nodiscard]] std::optional<std::size_t> pick_of_all(const PickContext& context) const noexcept;
  [[nodiscard]] std::optional<std::size_t> pick_of_drawn(const PickContext& context) const noexcept;

  const std::vector<std::shared_ptr<BackendState>> states_;
  std::optional<AliasTable> by_weight_;
};

}  // namespace wherry::balancer
