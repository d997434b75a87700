#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

namespace wherry::tcp {

/// How many sessions the process may carry at once. Every session holds a permit; a listener that
/// gets none stops accepting, and clients wait in the kernel's queue, until one is given back.
///
/// Shared by all workers; any thread.
class SessionQuota {
 public:
  /// One session's place. Gives it back when destroyed.
  class Permit {
   public:
    Permit() noexcept = default;
    explicit Permit(SessionQuota& quota) noexcept : quota_(&quota) {}
    Permit(Permit&& other) noexcept : quota_(other.quota_) { other.quota_ = nullptr; }
    Permit& operator=(Permit&& other) noexcept;
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit() { give_back(); }

    [[nodiscard]] explicit operator bool() const noexcept { return quota_ != nullptr; }
    void give_back() noexcept;

   private:
    SessionQuota* quota_ = nullptr;
  };

  /// `on_available` is called, from whichever thread gave a permit back, after one was denied: it
  /// must only pass the news on to the listeners that wait.
  SessionQuota(std::uint64_t limit, std::function<void()> on_available);

  /// Empty if there is no place left.
  [[nodiscard]] Permit try_acquire() noexcept;

  /// A lower limit ends no session; it is reached as sessions end.
  void set_limit(std::uint64_t limit) noexcept;
  [[nodiscard]] std::uint64_t limit() const noexcept {
    return limit_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t used() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool take() noexcept;
  void release() noexcept;
  void wake_if_denied() noexcept;

  std::atomic<std::uint64_t> limit_;
  const std::function<void()> on_available_;
  alignas(64) std::atomic<std::uint64_t> used_{0};
  std::atomic<bool> denied_{false};  ///< somebody waits for on_available_
};

}  // namespace wherry::tcp
