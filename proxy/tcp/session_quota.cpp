#include "proxy/tcp/session_quota.h"

#include <utility>

namespace wherry::tcp {

SessionQuota::Permit& SessionQuota::Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    give_back();
    quota_ = std::exchange(other.quota_, nullptr);
  }
  return *this;
}

void SessionQuota::Permit::give_back() noexcept {
  if (SessionQuota* quota = std::exchange(quota_, nullptr)) quota->release();
}

SessionQuota::SessionQuota(std::uint64_t limit, std::function<void()> on_available)
    : limit_(limit), on_available_(std::move(on_available)) {}

bool SessionQuota::take() noexcept {
  // Never more than the limit, not even for a moment: two that are both denied could each mistake
  // the other's attempt for a session, and nobody would be left to wake them.
  std::uint64_t used = used_.load();
  while (used < limit_.load()) {
    if (used_.compare_exchange_weak(used, used + 1)) return true;
  }
  return false;
}

SessionQuota::Permit SessionQuota::try_acquire() noexcept {
  if (take()) return Permit(*this);
  // Said before the second try: whoever gives a permit back between the two tries sees it and
  // wakes us, whoever did so before the first is seen by the second try.
  denied_.store(true);
  if (take()) return Permit(*this);
  return {};
}

void SessionQuota::release() noexcept {
  used_.fetch_sub(1);
  wake_if_denied();
}

void SessionQuota::set_limit(std::uint64_t limit) noexcept {
  if (limit_.exchange(limit) < limit) wake_if_denied();
}

void SessionQuota::wake_if_denied() noexcept {
  if (denied_.load() && denied_.exchange(false)) on_available_();
}

}  // namespace wherry::tcp
