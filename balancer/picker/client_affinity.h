#pragma once

#include "balancer/picker/affinity_table.h"
#include "balancer/picker/picker.h"
#include "base/duration.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace wherry::balancer {

/// Session affinity ClientIP on top of any picker (L2, L3, L4).
///
/// A client that was seen within the timeout goes where it went before, and the timeout begins
/// anew. It is chosen for anew, and stays with that, when its backend is no longer in the list, or
/// could not be reached. The choice is made under the lock of the client's shard: two connections
/// that come at once go to one backend.
class ClientAffinity final : public Picker {
 public:
  /// `hashes` are hash_of() each backend's address. `table` may be shared with other pickers of the
  /// same service port.
  ClientAffinity(std::shared_ptr<Picker> inner, std::shared_ptr<AffinityTable> table,
                 Duration timeout, std::vector<std::uint64_t> hashes);

  [[nodiscard]] std::optional<std::size_t> pick(const PickContext& context) noexcept override;
  [[nodiscard]] std::optional<std::size_t> next_position() const noexcept override {
    return inner_->next_position();
  }

 private:
  [[nodiscard]] std::optional<std::size_t> position_of(
      const AffinityTable::Client& client) const noexcept;

  const std::shared_ptr<Picker> inner_;
  const std::shared_ptr<AffinityTable> table_;
  const Duration timeout_;
  const std::vector<std::uint64_t> hashes_;                         ///< by position
  std::vector<std::pair<std::uint64_t, std::uint32_t>> positions_;  ///< by hash
};

}  // namespace wherry::balancer
