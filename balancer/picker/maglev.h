#pragma once

#include "balancer/backend.h"
#include "balancer/picker/maglev_table.h"
#include "balancer/picker/picker.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace wherry::balancer {

/// A client's address decides, by a MaglevTable: all nodes choose the same backend, and keep
/// nothing for it.
///
/// With bounded load: a backend that has 1.25 times its share of the service port's sessions and
/// dials is passed over, and its clients go to other slots, the same client to the same one. Below
/// 8 sessions nobody is passed over: with few clients everything is more than a share.
class Maglev final : public Picker {
 public:
  static constexpr std::uint32_t kAlwaysRoom = 8;

  /// One hash and one state for each backend. Precondition: there is one.
  Maglev(std::span<const std::uint64_t> hashes, std::vector<std::shared_ptr<BackendState>> states,
         std::vector<std::uint32_t> weights);

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;

  [[nodiscard]] const MaglevTable& table() const noexcept { return table_; }

 private:
  [[nodiscard]] bool has_room(std::size_t position, std::uint32_t load) const noexcept;
  [[nodiscard]] std::optional<std::size_t> pick_beside(const PickContext& context) const noexcept;

  const MaglevTable table_;
  const std::vector<std::shared_ptr<BackendState>> states_;
  const double whole_;  ///< all weights together
};

}  // namespace wherry::balancer
