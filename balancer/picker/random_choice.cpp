#include "balancer/picker/random_choice.h"

#include "balancer/picker/mix.h"
#include "base/assert.h"

#include <utility>

namespace wherry::balancer {

RandomChoice::RandomChoice(std::size_t size, std::vector<std::uint32_t> weights)
    : Picker(std::move(weights)), size_(size) {
  WHERRY_ASSERT(size > 0);
  if (!this->weights().empty()) by_weight_.emplace(this->weights());
}

std::optional<std::size_t> RandomChoice::pick(const PickContext& context) noexcept {
  if (!context.tried.empty()) {
    return choose_untried(weights(), size_, context.tried, context.chance);
  }
  return by_weight_ ? by_weight_->pick(context.chance) : scale(context.chance, size_);
}

}  // namespace wherry::balancer
