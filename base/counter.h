#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace wherry {

/// A count that one thread writes and any thread reads.
class Counter {
 public:
  void add(std::uint64_t n) noexcept {
    // One writer: no need for an atomic addition, which would lock the cache line.
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Counts by an enumeration's values.
template <class Enum, std::size_t N>
class CountersBy {
 public:
  [[nodiscard]] Counter& operator[](Enum value) noexcept {
    return counters_[static_cast<std::size_t>(value)];
  }
  [[nodiscard]] const Counter& operator[](Enum value) const noexcept {
    return counters_[static_cast<std::size_t>(value)];
  }

 private:
  std::array<Counter, N> counters_{};
};

}  // namespace wherry
