#include "balancer/slow_start.h"

#include "base/assert.h"

#include <algorithm>
#include <set>
#include <utility>

namespace wherry::balancer {
namespace {

std::string id_of(const Backend& backend) {
  return backend.endpoint->pod_uid.empty() ? backend.address.to_string()
                                           : backend.endpoint->pod_uid;
}

}  // namespace

SlowStart::Shares SlowStart::update(std::span<const Backend> backends,
                                    std::span<const std::uint32_t> eligible, Duration window,
                                    TimePoint now) {
  WHERRY_ASSERT(window > Duration::zero());
  std::set<std::string> present;
  for (const Backend& backend : backends) present.insert(id_of(backend));
  std::erase_if(since_, [&](const auto& each) { return !present.contains(each.first); });

  const bool are_first = since_.empty();
  const Duration step = std::max<Duration>(window / kSteps, Duration(1));
  Shares shares;
  shares.steps.assign(backends.size(), kSteps);
  for (const std::uint32_t index : eligible) {
    const auto [found, is_new] = since_.try_emplace(id_of(backends[index]));
    if (is_new && !are_first) found->second = now;
    if (!found->second) continue;
    const TimePoint since = *found->second;
    const auto passed = std::max<Duration>(now - since, Duration::zero()) / step;
    if (passed >= kSteps - 1) {
      found->second.reset();
      continue;
    }
    shares.steps[index] = static_cast<std::uint32_t>(passed + 1);
    const TimePoint next = since + (passed + 1) * step;
    shares.next = shares.next ? std::min(*shares.next, next) : next;
  }
  return shares;
}

}  // namespace wherry::balancer
