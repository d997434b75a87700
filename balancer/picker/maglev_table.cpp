#include "balancer/picker/maglev_table.h"

#include "balancer/picker/mix.h"
#include "balancer/picker/weights.h"
#include "base/assert.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

namespace wherry::balancer {
namespace {

/// Primes. A step for every power of two or so in the number of backends.
constexpr std::array<std::size_t, 15> kSizes = {211,     503,     1'009,   2'503,   5'003,
                                                10'007,  25'013,  50'021,  65'537,  100'003,
                                                200'003, 300'007, 500'009, 750'019, 1'000'003};
constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();

/// The order in which a backend wants slots: all of them, each once, because the size is prime.
struct Wishes {
  std::uint32_t next;
  std::uint32_t skip;
};

}  // namespace

std::size_t MaglevTable::size_for(std::size_t backends) noexcept {
  const auto* found = std::find_if(kSizes.begin(), kSizes.end(),
                                   [&](std::size_t size) { return size >= 100 * backends; });
  return found == kSizes.end() ? kSizes.back() : *found;
}

MaglevTable::MaglevTable(std::span<const std::uint64_t> hashes,
                         std::span<const std::uint32_t> weights) {
  WHERRY_ASSERT(!hashes.empty());
  std::vector<std::uint32_t> slots(size_for(hashes.size()), kFree);
  const auto size = static_cast<std::uint32_t>(slots.size());
  std::vector<Wishes> wishes;
  wishes.reserve(hashes.size());
  for (const std::uint64_t hash : hashes) {
    wishes.push_back({static_cast<std::uint32_t>(scale(mix(hash + kGolden), size)),
                      static_cast<std::uint32_t>(1 + scale(mix(hash + 2 * kGolden), size - 1))});
  }

  std::vector<std::uint32_t> order = turn_order(weights);
  if (order.empty()) {
    order.resize(hashes.size());
    std::iota(order.begin(), order.end(), std::uint32_t{0});
  }
  std::size_t turn = 0;
  for (std::size_t filled = 0; filled < size; ++filled) {
    const std::uint32_t position = order[turn];
    if (++turn == order.size()) turn = 0;
    Wishes& own = wishes[position];
    for (;;) {
      std::uint32_t& slot = slots[own.next];
      own.next += own.skip;
      if (own.next >= size) own.next -= size;
      if (slot != kFree) continue;
      slot = position;
      break;
    }
  }
  if (hashes.size() > std::size_t{std::numeric_limits<std::uint16_t>::max()} + 1) {
    wide_ = std::move(slots);
    return;
  }
  narrow_.reserve(size);
  for (const std::uint32_t position : slots) {
    narrow_.push_back(static_cast<std::uint16_t>(position));
  }
}

std::size_t MaglevTable::at(std::uint64_t bits) const noexcept { return slot(scale(bits, size())); }

}  // namespace wherry::balancer
